"""The TLS context of the uplink: our certificate, the pinned CA, and what is checked without a clock."""

import ssl
from collections.abc import Iterable, Mapping
from typing import Any

from agent.enrolment import Enrolment

NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, for which Python has no name: everything is checked but the dates."""


def client_context(enrolment: Enrolment, *, check_dates: bool) -> ssl.SSLContext:
    """Mutual TLS 1.2 or newer (1.3 where the broker can) that trusts the enrolment's CA and no other.

    Without `check_dates` a lock that came up in 1970 still reaches the cloud that tells it the time: the
    chain and the name are checked as ever. Raises OSError when a file is missing or does not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=str(enrolment.ca))
    context.load_cert_chain(str(enrolment.tls_certificate), str(enrolment.tls_key), enrolment.tls_password)
    if not check_dates:
        context.verify_flags |= NO_CHECK_TIME
    return context


def are_dates_right(certificates: Iterable[Mapping[str, Any]], wall: float) -> bool:
    """Whether all certificates (as `ssl` describes them) are valid at `wall`, Unix time in seconds."""
    return all(
        ssl.cert_time_to_seconds(each["notBefore"]) <= wall <= ssl.cert_time_to_seconds(each["notAfter"])
        for each in certificates
    )
