"""TLS 1.3 with a certificate on both sides, and a list of those that count no more."""

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files of a broker: the CA that signed its clients' certificates, its own certificate and key, and
    the revocation list of that CA; None: no certificate is revoked."""

    ca: Path
    certificate: Path
    key: Path
    revoked: Path | None = None


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """Clients must show a certificate signed by the CA. Raises OSError or ssl.SSLError for unusable files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(files.ca)
    context.load_cert_chain(files.certificate, files.key)
    if files.revoked is not None:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        context.load_verify_locations(files.revoked)
        context.num_tickets = 0  # whoever resumes a session shows no certificate
    return context


@dataclass(slots=True)
class Revoked:
    """The revocation list of a running broker: `refresh` has the next handshakes judged by the newest one."""

    context: ssl.SSLContext
    file: Path
    _loaded: tuple[int, int] | None = field(default=None, init=False)

    def refresh(self) -> None:
        """Load the list if it is another file than before; what was loaded counts while it cannot be read."""
        try:
            found = self.file.stat()
            if self._loaded != (found.st_ino, found.st_mtime_ns):
                self.context.load_verify_locations(self.file)
                self._loaded = (found.st_ino, found.st_mtime_ns)
        except OSError as error:  # ssl.SSLError is one
            log.warning("cannot read the list of revoked certificates %s: %s", self.file, error)
