"""Signs what webhooks are sent, as Svix does, so that its libraries and the Seam SDKs can verify it."""

import base64
import hashlib
import hmac
import secrets

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 24


def new_secret() -> str:
    """The secret of a new webhook; whoever has it can sign in our name."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(secret: str, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of one delivery. `timestamp_s`: now, Unix seconds; 5 minutes old is refused."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    content = f"{message_id}.{timestamp_s}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {
        "svix-id": message_id,
        "svix-timestamp": str(timestamp_s),
        "svix-signature": f"v1,{signature}",
    }
