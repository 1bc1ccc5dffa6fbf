"""TLS 1.3 with a certificate on both sides."""

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files of a broker: the CA that signed its clients' certificates, its own certificate and key."""

    ca: Path
    certificate: Path
    key: Path


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """Clients must show a certificate signed by the CA. Raises OSError or ssl.SSLError for unusable files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(files.ca)
    context.load_cert_chain(files.certificate, files.key)
    return context
