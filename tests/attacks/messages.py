"""Messages that nobody should believe, made with whatever keys an attacker may hold."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

from joserfc import jwe, jws
from joserfc.jwk import OctKey, OKPKey

from agent import jose
from agent.envelope import Signer, kid_of, new_signing_key
from agent.messages import MESSAGE_LIMIT_BYTES

STRANGER = new_signing_key()


def b64(data: bytes | dict[str, Any]) -> bytes:
    raw = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return urlsafe_b64encode(raw).rstrip(b"=")


def signature(key: OKPKey, text: bytes) -> bytes:
    private: Any = key.private_key
    return b64(private.sign(text))


@dataclass(frozen=True, slots=True)
class Forger:
    """Writes in the name of a lock or a cloud. `key`: the pinned one; most attacks use its name only."""

    key: OKPKey
    device_id: str
    stream: str
    body: dict[str, Any]

    def claims(self, **changed: Any) -> dict[str, Any]:
        given = {"iat": 1_790_000_000, "id": "x", "dev": self.device_id, "stream": self.stream}
        return {**given, "body": self.body, **changed}

    def header(self, **changed: Any) -> dict[str, Any]:
        return {"alg": "Ed25519", "kid": kid_of(self.key), "typ": f"lock-{self.stream}", **changed}

    def written(self, header: bytes | dict[str, Any], claims: bytes | dict[str, Any], key: OKPKey) -> bytes:
        """Any header over any claims, signed by any key."""
        text = b64(header) + b"." + b64(claims)
        return text + b"." + signature(key, text)

    def genuine(self, **claims: Any) -> bytes:
        given: dict[str, Any] = {"iat": 1_790_000_000, "id": "x"} | claims
        return Signer(self.device_id, self.key).sign(self.stream, self.body, **given)

    def hashed(self) -> bytes:
        """HS256 with the public key as the secret, for a reader who lets the message choose."""
        public = OctKey.import_key(str(self.key.as_dict(private=False)["x"]))
        header = self.header(alg="HS256")
        return jws.serialize_compact(header, json.dumps(self.claims()), public, algorithms=["HS256"]).encode()

    def attacks(self) -> dict[str, tuple[bytes, str]]:
        """Attack -> (message, the reason it must be refused for). None is signed with the pinned key, but for
        those that show what a bug at the sender would do."""
        genuine = self.genuine()
        head, claims, signed = genuine.split(b".")
        nested = b'{"body":' + b"[" * 9000 + b"]" * 9000 + b"}"
        twice = b'{"stream":"ack",' + json.dumps(self.claims()).encode()[1:]
        numbers = json.dumps(self.claims()).encode().replace(b"1790000000", b"9" * 5000)
        twofold = json.dumps(self.header()).encode()[:-1] + b',"alg":"none"}'
        return {
            "forged": (
                self.written(self.header(kid=kid_of(STRANGER)), self.claims(), STRANGER),
                "unknown_key",
            ),
            "under a pinned name": (self.written(self.header(), self.claims(), STRANGER), "bad_signature"),
            "without a name": (self._unnamed(), "unknown_key"),
            "altered claims": (
                b".".join((head, b64(self.claims(id="other")), signed)),
                "bad_signature",
            ),
            "altered header": (
                b".".join((b64(self.header(typ="lock-codes")), claims, signed)),
                "wrong_stream",
            ),
            "truncated": (genuine[:-10], "malformed"),
            "its signature cut off": (head + b"." + claims + b".", "malformed"),
            "oversized": (genuine + b"A" * MESSAGE_LIMIT_BYTES, "oversized"),
            "an oversized header": (self.written(self.header(kid="k" * 900), {}, STRANGER), "oversized"),
            "alg none": (b64(self.header(alg="none")) + b"." + claims + b".", "malformed"),
            "alg none with a signature": (
                b".".join((b64(self.header(alg="none")), claims, signed)),
                "unknown_header",
            ),
            "HS256 with the public key": (self.hashed(), "malformed"),
            "HS256 of a fitting length": (
                b".".join((b64(self.header(alg="HS256")), claims, signed)),
                "unknown_header",
            ),
            "unknown crit": (
                self.written(self.header(crit=["exp"], exp=1), self.claims(), self.key),
                "unknown_header",
            ),
            "a key of its own in the header": (
                self.written(self.header(jwk=STRANGER.as_dict(private=False)), self.claims(), STRANGER),
                "unknown_header",
            ),
            "a name twice in the header": (self.written(twofold, self.claims(), self.key), "malformed"),
            "a name twice in the claims": (self.written(self.header(), twice, self.key), "malformed"),
            "a nesting bomb": (self.written(self.header(), nested, self.key), "malformed"),
            "a nesting bomb as header": (
                self.written(b'{"alg":' + b"[" * 200, self.claims(), STRANGER),
                "malformed",
            ),
            "a number of 5,000 digits": (self.written(self.header(), numbers, self.key), "malformed"),
            "a time beyond all databases": (
                self.written(self.header(), self.claims(iat=2**64), self.key),
                "malformed",
            ),
            "no UTF-8": (self.written(self.header(), b'{"dev":"\xff\xfe"}', self.key), "malformed"),
            "not JSON": (self.written(self.header(), b"{", self.key), "malformed"),
            "neither revision nor id": (
                self.written(self.header(), self.claims(id=None), self.key),
                "malformed",
            ),
            "of an enrolment": (
                self.written(self.header(typ="lock-enrolled"), self.claims(), self.key),
                "wrong_stream",
            ),
            "for another lock": (
                Signer("another", self.key).sign(self.stream, self.body, iat=1, id="x"),
                "wrong_device",
            ),
            "of another stream": (
                Signer(self.device_id, self.key).sign("other", self.body, iat=1, id="x"),
                "wrong_stream",
            ),
            "no message at all": (b"{}", "malformed"),
            "nothing": (b"", "malformed"),
        }

    def _unnamed(self) -> bytes:
        header = {name: value for name, value in self.header().items() if name != "kid"}
        return self.written(header, self.claims(), self.key)


def zipped(signed: bytes, recipient: OKPKey) -> bytes:
    """A sealed message that unpacks to a megabyte: whoever knows a public key can make one."""
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": jose.kid_of(recipient), "cty": "jose", "zip": "DEF"}
    algorithms = ["ECDH-ES", "A256GCM", "DEF"]
    return jwe.encrypt_compact(header, signed + b"A" * 2**20, recipient, algorithms=algorithms).encode()
