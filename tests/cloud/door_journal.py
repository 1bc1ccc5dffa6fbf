"""Journal rows of a lock at whose keypad people make and remove codes."""

import time
import uuid
from typing import Any

from joserfc.jwk import OKPKey

from agent.envelope import Signer

Row = tuple[str, dict[str, Any]]
"""(kind, detail)."""


def added(
    signer: Signer, cloud_sealing: OKPKey, digits: str, access_code_id: str | None = None, **rules: Any
) -> Row:
    """Somebody made a code; what only the cloud can read holds its digits."""
    about = {"access_code_id": access_code_id or str(uuid.uuid4()), "gen": 1}
    claims: dict[str, Any] = {"iat": int(time.time()), "id": str(uuid.uuid4())}
    sealed = signer.seal("door_code", {**about, "code": digits}, cloud_sealing, **claims).decode()
    return "code_added_at_door", {**about, "source": "keypad", "by": None, **rules, "sealed": sealed}


def removed(access_code_id: str, *, is_managed: bool = True, stays: bool = False, gen: int = 1) -> Row:
    """Somebody removed one; the lock puts it back unless it `stays` away."""
    about = {"access_code_id": access_code_id, "gen": gen, "source": "keypad", "by": None}
    return "code_removed_at_door", {**about, "is_managed": is_managed, "stays": stays}


def restored(access_code_id: str) -> Row:
    """The lock put it back."""
    return "code_restored", {"access_code_id": access_code_id, "gen": 1}
