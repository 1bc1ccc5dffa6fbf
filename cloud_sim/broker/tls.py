"""TLS 1.3 with a certificate on both sides."""

import ssl
from pathlib import Path


def server_context(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """Clients must show a certificate signed by `ca`. Raises OSError or ssl.SSLError for unusable files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca)
    context.load_cert_chain(certificate, key)
    return context
