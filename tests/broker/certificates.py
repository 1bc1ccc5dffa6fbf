"""A certificate authority for tests: makes CA, server and client certificates as PEM files."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud_sim.broker import TlsFiles

LIFE = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Files:
    """A certificate and its private key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates and writes them to `directory` as <name>.pem and <name>.key; its own is `ca`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Test CA")
        self._lists = 0
        builder = _builder(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.ca = self._write("ca", self._key, builder).certificate

    def broker(self) -> TlsFiles:
        """What a broker on 127.0.0.1 needs."""
        own = self.server()
        return TlsFiles(ca=self.ca, certificate=own.certificate, key=own.key)

    def server(self) -> Files:
        """A certificate for 127.0.0.1."""
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return self._issue("server", address, ExtendedKeyUsageOID.SERVER_AUTH)

    def client(self, common_name: str, file_name: str = "") -> Files:
        """A certificate that makes its holder `common_name`."""
        name = x509.SubjectAlternativeName([x509.DNSName("client.invalid")])
        return self._issue(common_name, name, ExtendedKeyUsageOID.CLIENT_AUTH, file_name)

    def revoke(self, *revoked: Files) -> Path:
        """A list of these certificates and no others; another list takes its place."""
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        self._lists += 1
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name).next_update(now + LIFE)
        # Of two lists the later one counts, by whole seconds.
        builder = builder.last_update(now - LIFE + dt.timedelta(seconds=self._lists))
        for each in revoked:
            certificate = x509.load_pem_x509_certificate(each.certificate.read_bytes())
            entry = x509.RevokedCertificateBuilder(certificate.serial_number, now - LIFE).build()
            builder = builder.add_revoked_certificate(entry)
        draft, file = self._directory / "draft.pem", self._directory / "revoked.pem"
        draft.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return draft.replace(file)

    def _issue(
        self,
        common_name: str,
        alternative: x509.SubjectAlternativeName,
        usage: x509.ObjectIdentifier,
        file_name: str = "",
    ) -> Files:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(common_name), self._name, key.public_key())
        builder = builder.add_extension(alternative, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return self._write(file_name or common_name, key, builder)

    def _write(
        self, file_name: str, key: ec.EllipticCurvePrivateKey, builder: x509.CertificateBuilder
    ) -> Files:
        certificate = builder.sign(self._key, hashes.SHA256())
        files = Files(self._directory / f"{file_name}.pem", self._directory / f"{file_name}.key")
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        files.key.chmod(0o600)
        return files


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LIFE)
        .not_valid_after(now + LIFE)
    )
