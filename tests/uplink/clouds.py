"""A cloud's signing key, certificate authority and enrolment address, as small as they can be."""

import datetime as dt
import ipaddress
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc.jwk import OKPKey

from agent.enrol_exchange import (
    AcceptedRequest,
    Answer,
    Invitation,
    RequestRefused,
    open_request,
    public_jwk,
    write_answer,
)
from agent.jose import kid_of, new_sealing_key, new_signing_key

DEVICE = "9d5a1c30-0000-4000-8000-000000000001"
TOKEN = "a token nobody else has"
START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(2060, 1, 1, tzinfo=dt.UTC)


def named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass(frozen=True)
class Authority:
    """A private certificate authority; what it signs does not expire in a test unless asked to."""

    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    server_not_after: dt.datetime = END

    def certificate(self) -> x509.Certificate:
        return self._builder("test CA", self.key.public_key(), END, is_ca=True).sign(self.key, SHA256())

    def certify(
        self, common_name: str, key: EllipticCurvePublicKey, not_after: dt.datetime = END
    ) -> x509.Certificate:
        builder = self._builder(common_name, key, not_after, is_ca=False)
        local = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        return builder.add_extension(local, critical=False).sign(self.key, SHA256())

    def write_server(self, directory: Path) -> None:
        """`ca.pem`, `broker.pem` and `broker-key.pem` for a broker on localhost."""
        key = generate_private_key(SECP256R1())
        (directory / "ca.pem").write_bytes(self.certificate().public_bytes(Encoding.PEM))
        (directory / "broker.pem").write_bytes(
            self.certify("localhost", key.public_key(), self.server_not_after).public_bytes(Encoding.PEM)
        )
        (directory / "broker-key.pem").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )

    def _builder(
        self, name: str, key: EllipticCurvePublicKey, not_after: dt.datetime, *, is_ca: bool
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named("test CA"))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(START)
            .not_valid_after(not_after)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )


@dataclass
class Cloud:
    """Answers enrolment requests over HTTP on 127.0.0.1; a test may change what it answers."""

    signing: OKPKey = field(default_factory=new_signing_key)
    sealing: OKPKey = field(default_factory=new_sealing_key)
    authority: Authority = field(default_factory=Authority)
    mqtt_url: str = "mqtts://localhost:8883"
    distort: Callable[[bytes], bytes] = lambda raw: raw
    changes: dict[str, object] = field(default_factory=dict)
    """Fields of the answer to change before it is signed."""
    requests: list[AcceptedRequest | RequestRefused] = field(default_factory=list)
    url: str = ""

    def answer(self, body: bytes) -> tuple[int, bytes]:
        request = open_request(body, lambda device: TOKEN if device == DEVICE else None)
        self.requests.append(request)
        if isinstance(request, RequestRefused):
            return 403, json.dumps({"ok": False, "message": f"{request.reason}\x1b[2J"}).encode()
        certificate = self.authority.certify(request.device_id, _ec(request.csr))
        fields: dict[str, object] = {
            "device_id": request.device_id,
            "identity": kid_of(request.identity),
            "certificate": certificate.public_bytes(Encoding.PEM).decode(),
            "ca": self.authority.certificate().public_bytes(Encoding.PEM).decode(),
            "mqtt_url": self.mqtt_url,
            "cloud_signing": public_jwk(self.signing),
            "cloud_sealing": public_jwk(self.sealing),
            "set_epoch": 1,
        }
        answer = Answer(**(fields | self.changes))  # type: ignore[arg-type] # a test puts in what it likes
        return 200, self.distort(write_answer(answer, self.signing))

    def invitation(self, **changes: str) -> Invitation:
        fields = {"device_id": DEVICE, "url": self.url, "token": TOKEN, "cloud_key": kid_of(self.signing)}
        return Invitation(**(fields | changes))  # type: ignore[arg-type] # all of them are strings

    def serve(self) -> ThreadingHTTPServer:
        """Start answering; the caller shuts the server down."""
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, body = cloud.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}/enrol"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server


def _ec(csr: x509.CertificateSigningRequest) -> EllipticCurvePublicKey:
    key = csr.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    return key
