"""What becomes of an entry that the table does not know: an offline or rolling code, admitted or not."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.access_code import AccessCode
from agent.core.decision import Denied, Reason
from agent.core.offline_code import SLOT_S, OfflineKind, meaning_of
from agent.core.offline_policy import Accepted
from agent.core.totp import TotpOutcome
from agent.core.verifier import TAG_BYTES
from agent.offline_rows import NOTHING, OfflineChange, UsedCode
from agent.offline_setup import OfflineSetup, offline_id
from agent.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """An offline or rolling code that opens now, or cancels: what becomes durable with it, and what the
    journal says. `code` is None where no access code stands behind it (a technician, a cancellation)."""

    code: AccessCode | None
    change: OfflineChange
    detail: Mapping[str, object]
    opens: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of an entry, before anybody knows whether it matters. None: not to be used now."""

    accepted: Accepted | None
    rolling: TotpOutcome | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing that this lock takes, for this reason; `change` is what must be remembered of the attempt."""

    denied: Denied
    change: OfflineChange = field(default=NOTHING)


def admitted(
    store: Store, setup: OfflineSetup, accepted: Accepted, tag: bytes, length: int
) -> Admission | Unknown:
    """What an offline code does that `setup` accepts now; `tag` and number of digits are those of its row.

    Controller thread; may raise StorageFault."""
    kid, issuer, slot, q = accepted.kid, accepted.issuer, accepted.payload.slot, accepted.payload.q
    meaning = meaning_of(q)
    if meaning is None:
        raise AssertionError("the verifier accepts no reserved value")
    detail = {"method": "offline_code", "kid": kid, "issuer": issuer, "slot": slot, "q": q}
    if meaning.kind is OfflineKind.CANCEL:
        return Admission(
            code=None, change=OfflineChange(floor=((kid, issuer), slot)), detail=detail, opens=False
        )
    start_s, tolerance_s = setup.format().start_of(slot), setup.tolerance_s
    used = UsedCode(
        access_code_id=offline_id(setup.device_id, kid, issuer, slot, q),
        kid=kid,
        issuer=issuer,
        slot=slot,
        q=q,
        starts_at=start_s - tolerance_s,
        ends_at=start_s + meaning.hours * SLOT_S + tolerance_s,
        max_uses=1 if meaning.kind is OfflineKind.ONCE else None,
        tag=tag[:TAG_BYTES],
        code_length=length,
        since_rev=store.revision().applied_rev,
    )
    history = store.codes.history_of(used.access_code_id, 1)
    if history is None or (used.max_uses is not None and history.uses >= used.max_uses):
        # Its row is gone and its use is not: it was used here before.
        return Unknown(Denied(Reason.USED_UP))
    return Admission(code=used.code, change=OfflineChange(used=used), detail=detail)
