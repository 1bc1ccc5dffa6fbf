"""Codes of the real Seam SDK, typed at a simulated door: they open it when they should, and only then."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from seam.exceptions import SeamHttpApiError
from seam.seam import Seam

from tests.cloud.site import Api
from tests.process.lock_sim import LockSim, running
from tests.waiting import wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

_digits = (f"{number:06d}" for number in itertools.count(470000, 11))


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockSim]:
    with running(tmp_path_factory.mktemp("codes") / "site") as one:
        yield one


@pytest.fixture(scope="module")
def seam(sim: LockSim) -> Any:
    """The real SDK; Any, since what it returns is a union of everything there is."""
    return Seam(api_key=sim.ready["seam_api"]["api_key"], endpoint=sim.ready["seam_api"]["base_url"])


def device_of(sim: LockSim, door: int) -> str:
    """Each door bears a few wrong codes, so that the tests share them out."""
    return str(sim.ready["doors"][door - 1]["device_id"])


def opens(sim: LockSim, door: int, digits: str) -> None:
    """Type a code at the keypad; the strike lets go once."""
    before = sim.strike(door)["releases"]
    sim.verb("type", str(door), f"{digits}#")
    wait_for(lambda: sim.strike(door)["releases"] == before + 1, what="the strike")
    wait_for(lambda: not sim.strike(door)["released"], what="the strike to lock again")


def is_refused(sim: LockSim, door: int, digits: str, reason: str) -> None:
    """Type a code at the keypad; the lock says why not, and the strike stays."""
    before, said = sim.strike(door)["releases"], times_said(sim, door, reason)
    sim.verb("type", str(door), f"{digits}#")
    wait_for(lambda: times_said(sim, door, reason) > said, what=reason)
    assert sim.strike(door)["releases"] == before


def times_said(sim: LockSim, door: int, reason: str) -> int:
    """In the whole journal of a door: of the newest rows alone the oldest goes with each that comes."""
    return sim.lockctl(door, "journal", "--limit", "1000").stdout.count(reason)


def becomes(seam: Any, code: Any, status: str) -> Any:
    def now() -> Any:
        return seam.access_codes.get(access_code_id=code.access_code_id)

    wait_for(lambda: now().status == status, 20, f"{status}")
    return now()


def test_a_door_that_takes_six_digits_is_given_six_and_says_so_of_other_lengths(
    sim: LockSim, seam: Any
) -> None:
    device_id = device_of(sim, 2)
    wait_for(
        lambda: seam.devices.get(device_id=device_id).properties.supported_code_lengths == [6],
        what="the lock to say what it takes",
    )
    drawn = seam.access_codes.create(device_id=device_id, preferred_code_length=8)
    assert len(drawn.code) == 6
    becomes(seam, drawn, "set")
    short = seam.access_codes.create(device_id=device_id, code="4711")
    assert [error.error_code for error in short.errors] == ["code_constraints_violated"]
    wait_for(lambda: "code length" in sim.lockctl(2, "codes").stdout, what="the lock's own word")
    now = seam.access_codes.get(access_code_id=short.access_code_id)
    assert [error.error_code for error in now.errors] == ["code_constraints_violated"], "once"
    is_refused(sim, 2, "4711", "unknown code")
    opens(sim, 2, drawn.code)


def moment(seconds_from_now: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds_from_now)).isoformat()


def test_a_code_opens_from_set_until_it_is_deleted(seam: Any, sim: LockSim) -> None:
    digits = next(_digits)
    code = seam.access_codes.create(device_id=device_of(sim, 1), code=digits, name="Guest")
    becomes(seam, code, "set")
    opens(sim, 1, digits)
    seam.access_codes.delete(access_code_id=code.access_code_id)
    wait_for(lambda: seam.access_codes.list(access_code_ids=[code.access_code_id]) == [], 20, "the deletion")
    is_refused(sim, 1, digits, "unknown code")


def test_a_window_is_loaded_before_it_begins_and_kept_to(seam: Any, sim: LockSim) -> None:
    digits = next(_digits)
    code = seam.access_codes.create(
        device_id=device_of(sim, 1), code=digits, starts_at=moment(12), ends_at=moment(3600)
    )
    wait_for(
        lambda: seam.access_codes.get(access_code_id=code.access_code_id).is_scheduled_on_device,
        what="the lock to hold it",
    )
    is_refused(sim, 1, digits, "not yet valid")
    becomes(seam, code, "set")
    opens(sim, 1, digits)
    seam.access_codes.update(access_code_id=code.access_code_id, ends_at=moment(1.5))
    becomes(seam, code, "unset")
    is_refused(sim, 1, digits, "expired")


def test_a_code_for_one_use_opens_once(seam: Any, sim: LockSim) -> None:
    digits = next(_digits)
    code = seam.access_codes.create(device_id=device_of(sim, 2), code=digits, is_one_time_use=True)
    becomes(seam, code, "set")
    opens(sim, 2, digits)
    is_refused(sim, 2, digits, "used up")
    assert becomes(seam, code, "unset").is_one_time_use


def test_new_digits_open_and_the_old_ones_do_not(seam: Any, sim: LockSim) -> None:
    old, new = next(_digits), next(_digits)
    code = seam.access_codes.create(device_id=device_of(sim, 2), code=old)
    becomes(seam, code, "set")
    seam.access_codes.update(access_code_id=code.access_code_id, code=new)
    becomes(seam, code, "set")
    opens(sim, 2, new)
    is_refused(sim, 2, old, "unknown code")


def test_a_backup_code_was_on_the_lock_before_it_was_pulled(seam: Any, sim: LockSim) -> None:
    code = seam.access_codes.create(
        device_id=device_of(sim, 2),
        starts_at=moment(-60),
        ends_at=moment(3600),
        use_backup_access_code_pool=True,
    )
    wait_for(
        lambda: seam.access_codes.get(access_code_id=code.access_code_id).is_backup_access_code_available,
        20,
        "the pool",
    )
    backup = seam.access_codes.pull_backup_access_code(access_code_id=code.access_code_id)
    assert backup.status == "set"
    opens(sim, 2, backup.code)


def test_one_code_for_both_doors_is_set_on_both(seam: Any, sim: LockSim) -> None:
    doors = [door["device_id"] for door in sim.ready["doors"]]
    codes = seam.access_codes.create_multiple(device_ids=doors, name="Both")
    for code in codes:
        becomes(seam, code, "set")
    opens(sim, 2, codes[0].code)


def test_a_code_made_at_the_keypad_is_unmanaged_until_it_is_taken_over(seam: Any, sim: LockSim) -> None:
    device_id, digits = device_of(sim, 1), next(_digits)
    make = seam.access_codes.simulate.create_unmanaged_access_code
    with pytest.raises(SeamHttpApiError) as refused:
        make(device_id=device_id, name="Owner", code=digits)
    assert refused.value.code == "simulation_not_supported"
    cloud = Api(**sim.ready["device_cloud"])
    programming = cloud.post(f"/locks/{device_id}/access_codes", kind="programming", code=next(_digits))
    becomes(seam, SimpleNamespace(**programming.body), "set")
    code = make(device_id=device_id, name="Owner", code=digits)
    assert (code.code, code.name, code.is_managed, code.status) == (digits, "Owner", False, "set")
    opens(sim, 1, digits)
    seam.access_codes.unmanaged.convert_to_managed(access_code_id=code.access_code_id)
    becomes(seam, code, "set")
    opens(sim, 1, digits)
    with pytest.raises(SeamHttpApiError) as refused:
        make(device_id=device_id, name="Another", code=digits)
    assert refused.value.code == "simulation_failed"
    seam.access_codes.delete(access_code_id=code.access_code_id)
    wait_for(lambda: seam.access_codes.list(access_code_ids=[code.access_code_id]) == [], 20, "the deletion")
    is_refused(sim, 1, digits, "unknown code")
