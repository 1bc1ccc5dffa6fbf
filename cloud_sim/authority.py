"""The private certificate authority and the keys of one cloud: made once by `init`, loaded by `serve`."""

import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud_sim import keyring
from cloud_sim.keyring import Keyring
from cloud_sim.seam.api_key import new_api_key
from cloud_sim.state_directory import NotInitialised, StateDirectory, read_private, write_private

CLOUD_NAME = "cloud"
"""Common name of the cloud's own certificate: the one client the broker lets see every topic."""
CERTIFICATE_DAYS = 3650
TOKEN_BYTES = 32

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | x25519.X25519PrivateKey


class RequestRefused(Exception):
    """A certificate request that will not be signed; the message says why."""


@dataclass(frozen=True, slots=True)
class Authority:
    """What the cloud signs and is known by."""

    ca: x509.Certificate
    ca_key: ec.EllipticCurvePrivateKey = field(repr=False)
    keyring: Keyring
    api_token: str = field(repr=False)
    seam_api_key: str = field(repr=False)

    @property
    def ca_pem(self) -> str:
        """The certificate of the authority, for locks to pin."""
        return self.ca.public_bytes(Encoding.PEM).decode()

    def certify(self, csr: x509.CertificateSigningRequest, device_id: str) -> str:
        """The certificate (PEM) of a lock. Raises RequestRefused unless `csr` names `device_id`."""
        key = csr.public_key()
        names = [attribute.value for attribute in csr.subject]
        if names != [device_id] or not csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
            raise RequestRefused("the common name of the certificate request must be the device id, alone")
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise RequestRefused("the key of the certificate request must be P-256")
        if not csr.is_signature_valid:
            raise RequestRefused("the certificate request is not signed by its own key")
        client = [ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = _issue(self.ca_key, self.ca.subject, device_id, key, client)
        return certificate.public_bytes(Encoding.PEM).decode()

    def revocation_list(self, revoked: Mapping[str, int]) -> bytes:
        """The list (RFC 5280, PEM) of these certificates (PEM), and when each was revoked, Unix seconds."""
        return _revocation_list(self.ca_key, self.ca.subject, revoked)


def initialise(state: StateDirectory) -> None:
    """Make whatever of keys, certificates and token is missing; what is there stays as it is."""
    state.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (state.ca_key, state.broker_key, state.client_key):
        _make_key(path, ec.generate_private_key(ec.SECP256R1()))
    _make_key(state.signing_key, ed25519.Ed25519PrivateKey.generate())
    _make_key(state.sealing_key, x25519.X25519PrivateKey.generate())
    _make_certificates(state)
    if not state.api_token.exists():
        write_private(state.api_token, secrets.token_urlsafe(TOKEN_BYTES).encode() + b"\n")
    if not state.seam_api_key.exists():
        write_private(state.seam_api_key, new_api_key().encode() + b"\n")


def load(state: StateDirectory, token_file: Path | None = None) -> Authority:
    """Everything `initialise` made. Raises NotInitialised for what is missing or unreadable."""
    try:
        token = read_private(token_file or state.api_token).decode().strip()
        authority = Authority(
            ca=x509.load_pem_x509_certificate(read_private(state.ca)),
            ca_key=_p256(state.ca_key),
            keyring=keyring.load(state),
            api_token=token,
            seam_api_key=read_private(state.seam_api_key).decode().strip(),
        )
    except ValueError as error:  # no message of the parser: it may quote what it read
        raise NotInitialised(f"a key or certificate in {state.root} is damaged; restore it") from error
    if not token or not authority.seam_api_key:
        raise NotInitialised(f"the token or key file is empty; remove it, run init --state {state.root}")
    return authority


def _make_certificates(state: StateDirectory) -> None:
    ca_key = _p256(state.ca_key)
    if not state.ca.exists():
        _write_certificate(state.ca, _issue_ca(ca_key))
    issuer = x509.load_pem_x509_certificate(state.ca.read_bytes()).subject
    if not state.broker_certificate.exists():
        key = _p256(state.broker_key).public_key()
        server = [ExtendedKeyUsageOID.SERVER_AUTH]
        _write_certificate(
            state.broker_certificate, _issue(ca_key, issuer, "localhost", key, server, _LOOPBACK)
        )
    if not state.client_certificate.exists():
        key = _p256(state.client_key).public_key()
        client = [ExtendedKeyUsageOID.CLIENT_AUTH]
        _write_certificate(state.client_certificate, _issue(ca_key, issuer, CLOUD_NAME, key, client))
    if not state.revoked.exists():
        write_private(state.revoked, _revocation_list(ca_key, issuer, {}))


_LOOPBACK: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)


def _make_key(path: Path, key: PrivateKey) -> None:
    if not path.exists():
        write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _p256(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(read_private(path), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NotInitialised(f"{path} is not a P-256 key; restore it")
    return key


def _write_certificate(path: Path, certificate: x509.Certificate) -> None:
    write_private(path, certificate.public_bytes(Encoding.PEM))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _revocation_list(
    ca_key: ec.EllipticCurvePrivateKey, issuer: x509.Name, revoked: Mapping[str, int]
) -> bytes:
    """A broker whose list has ended lets nobody in, so a list lasts; each change makes another one."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer)
        .last_update(now - timedelta(days=1))  # the broker's clock may be a little behind ours
        .next_update(now + timedelta(days=CERTIFICATE_DAYS))
    )
    for certificate, at_s in revoked.items():
        entry = x509.RevokedCertificateBuilder(
            x509.load_pem_x509_certificate(certificate.encode()).serial_number,
            datetime.fromtimestamp(at_s, UTC),
        )
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(ca_key, SHA256()).public_bytes(Encoding.PEM)


def _issue_ca(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    # A random name: two authorities that both call themselves alike confuse TLS libraries.
    name = _name(f"device cloud {secrets.token_hex(4)}")
    return (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, SHA256())
    )


def _issue(
    ca_key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    common_name: str,
    key: ec.EllipticCurvePublicKey,
    usages: Sequence[x509.ObjectIdentifier],
    names: Sequence[x509.GeneralName] = (),
) -> x509.Certificate:
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = (
        _builder(issuer, _name(common_name), key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(authority_key, critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(ca_key, SHA256())


def _builder(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # a lock's clock may be a little behind ours
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
