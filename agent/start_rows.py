"""What the journal says at each start: which agent began, and what of the disk it no longer believes."""

from collections.abc import Mapping

from agent.core.access_code import CodeError
from agent.core.holding import Holding
from agent.journal import Event
from agent.root_change import Stage
from agent.store import Store

_FAILED = {"reason": "the log of this start says why"}
_UNFINISHED = {"finish_by": "lock-agent rotate-root --finish"}
NAMED = 20
"""So many ids are named; the row says how many there are."""


def start_rows(version: str, store: Store, holding: Holding, root_stage: Stage) -> list[Event]:
    """`boot`, and a fault for each kind of rows that another hand, or a fault of the storage, has changed.
    Codes made at the door, settings and the mode have faults of their own."""
    offline = {held.access_code_id for held in store.offline.held() if held.row is None}
    states = {each for each, state in holding.states() if state.error is CodeError.MAC_FAILED}
    slots = store.offline.technicians_changed()
    found: dict[str, Mapping[str, object]] = {
        "database_set_aside": {"kept_as": store.replaces} if store.replaces else {},
        "codes_changed_from_outside": _named(states - holding.local),
        "offline_codes_changed_from_outside": _named(offline),
        "technicians_changed_from_outside": {"slots": slots} if slots else {},
        "next_root_secret_not_used": _FAILED if root_stage == "failed" else {},
        "root_secret_of_before_still_there": _UNFINISHED if root_stage == "unfinished" else {},
    }
    faults = [Event("fault", {"what": what, **detail}) for what, detail in found.items() if detail]
    return [Event("boot", {"version": version}), *faults]


def _named(access_code_ids: set[str]) -> Mapping[str, object]:
    ids = sorted(access_code_ids)
    return {"count": len(ids), "access_code_ids": ids[:NAMED]} if ids else {}
