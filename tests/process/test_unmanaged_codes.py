"""Codes made and removed at a real keypad, and what the real SDK does with them while the cloud dies."""

import itertools
from typing import Any

import pytest
from seam.exceptions import SeamHttpApiError

from firmware_sim.site_processes import Site
from tests.process.doors import Code, Door
from tests.process.test_seam_after_failures import restart_cloud, seam_of, types_of
from tests.waiting import wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

_digits = (f"{number:06d}" for number in itertools.count(580_213, 37))


def programming_code(door: Door) -> Code:
    """One that the lock holds."""
    (code,) = door.new_codes(1, kind="programming")
    return code


def make(door: Door, programming: Code, digits: str | None = None) -> str:
    """Make a code at the keypad; its digits."""
    digits, last = digits or next(_digits), door.status()["journal"]["last_seq"]
    door.type(f"{programming.digits}#1{digits}#{digits}#")
    wait_for_row(door, last, "code_added_at_door")
    return digits


def remove(door: Door, programming: Code, digits: str) -> None:
    """Remove one."""
    last = door.status()["journal"]["last_seq"]
    door.type(f"{programming.digits}#2{digits}#")
    wait_for_row(door, last, "code_removed_at_door")


def wait_for_row(door: Door, after: int, kind: str) -> None:
    wait_for(lambda: kind in {row["kind"] for row in door.rows(after)}, what=kind)


def unmanaged(site: Site, door: Door) -> list[Any]:
    found: list[Any] = seam_of(site).access_codes.unmanaged.list(device_id=door.device_id)
    return found


def is_deleted(site: Site, access_code_id: str) -> bool:
    try:
        seam_of(site).access_codes.get(access_code_id=access_code_id)
    except SeamHttpApiError as refused:
        return refused.status_code == 404
    return False


def test_a_code_made_at_the_keypad_is_taken_over_and_deleted_whenever_the_cloud_dies(
    site: Site, door: Door
) -> None:
    door.start()
    programming = programming_code(door)
    site.kill_cloud()
    digits = make(door, programming)
    assert door.opens(digits)
    site.start_cloud()
    [code] = wait_for(lambda: unmanaged(site, door), 30, "the code at the cloud")
    assert (code.code, code.status, code.is_managed) == (digits, "set", False)
    seam_of(site).access_codes.unmanaged.convert_to_managed(access_code_id=code.access_code_id)
    restart_cloud(site)
    converted = "access_code.unmanaged.converted_to_managed"
    wait_for(lambda: converted in types_of(site, door), 30, "the conversion")
    assert unmanaged(site, door) == []
    assert seam_of(site).access_codes.get(access_code_id=code.access_code_id).code == digits
    assert door.opens(digits)
    seam_of(site).access_codes.delete(access_code_id=code.access_code_id)
    restart_cloud(site)
    wait_for(lambda: is_deleted(site, code.access_code_id), 30, "the deletion")
    assert not door.opens(digits)
    told = types_of(site, door)
    assert [told.count(f"access_code.unmanaged.{what}") for what in ("created", "converted_to_managed")] == [
        1,
        1,
    ]
    assert digits not in door.log and digits not in str(door.rows())


def test_a_code_that_is_deleted_while_its_lock_is_away_is_forgotten_when_it_is_back(
    site: Site, door: Door
) -> None:
    door.start()
    digits = make(door, programming_code(door))
    [code] = wait_for(lambda: unmanaged(site, door), 30, "the code at the cloud")
    door.kill()
    seam_of(site).access_codes.unmanaged.delete(access_code_id=code.access_code_id)
    restart_cloud(site)
    door.start()
    wait_for(lambda: unmanaged(site, door) == [], 30, "the lock to forget it")
    assert not door.opens(digits)
    wait_for(lambda: "access_code.unmanaged.removed" in types_of(site, door), what="the event")


def test_a_managed_code_removed_at_the_keypad_comes_back_unless_it_may_go(site: Site, door: Door) -> None:
    door.start()
    programming = programming_code(door)
    (kept,) = door.new_codes(1)
    free = seam_of(site).access_codes.create(
        device_id=door.device_id, code=next(_digits), is_external_modification_allowed=True
    )
    wait_for(door.has_newest_set, 20, "the set")
    remove(door, programming, kept.digits)
    remove(door, programming, free.code)
    assert not door.opens(free.code)
    deleted = "access_code.deleted_external_to_seam"
    wait_for(lambda: deleted in types_of(site, door), 30, "the removal")
    restart_cloud(site)
    now = wait_for(lambda: is_ended(site, free.access_code_id), 30, "the end of the code")
    assert [warning.warning_code for warning in now.warnings] == ["external_modification_in_effect"]
    assert "access_code.modified_external_to_seam" in types_of(site, door)
    wait_for(lambda: is_set(site, kept.access_code_id), 30, "the code to be put back")
    assert door.opens(kept.digits)
    assert not door.opens(free.code)


def is_ended(site: Site, access_code_id: str) -> Any:
    code = seam_of(site).access_codes.get(access_code_id=access_code_id)
    return code if code.status == "unset" else None


def is_set(site: Site, access_code_id: str) -> bool:
    code = seam_of(site).access_codes.get(access_code_id=access_code_id)
    return bool(code.status == "set" and code.errors == [])


def test_complaint_10_equal_digits_from_both_sides_are_told_apart_and_the_code_is_set_once_they_are_free(
    site: Site, door: Door
) -> None:
    door.start()
    programming = programming_code(door)
    door.stop()
    door.start(network=False)
    wanted = seam_of(site).access_codes.create(device_id=door.device_id, code=next(_digits))
    make(door, programming, wanted.code)
    door.stop()
    door.start()
    errors = wait_for(lambda: errors_of(site, wanted.access_code_id), 30, "the lock's refusal")
    [made] = wait_for(lambda: unmanaged(site, door), 30, "the code at the cloud")
    assert errors == [("duplicate_code_on_device", made.access_code_id)]
    seam_of(site).access_codes.unmanaged.delete(access_code_id=made.access_code_id)
    wait_for(lambda: is_set(site, wanted.access_code_id), 30, "the code to be set")
    assert door.opens(wanted.code)


def errors_of(site: Site, access_code_id: str) -> list[tuple[str, str | None]]:
    code = seam_of(site).access_codes.get(access_code_id=access_code_id)
    own = [error for error in code.errors if getattr(error, "is_access_code_error", False)]
    return [(error.error_code, getattr(error, "unmanaged_access_code_id", None)) for error in own]
