"""Every verb that a generation of SDKs uses for an operation works, and no other does."""

from typing import Any

import pytest

from cloud_sim.seam.operations import OPERATIONS
from tests.seam.raw import Raw

VERBS = {
    "create": "POST",
    "create_multiple": "POST PUT",
    "update": "POST PUT PATCH",
    "update_multiple": "POST PATCH",
    "delete": "POST DELETE",
    "get": "GET POST",
    "list": "GET POST",
    "generate_code": "GET POST",
    "pull_backup_access_code": "POST",
    "report_device_constraints": "POST",
    "get_timeline": "GET POST",
    "unmanaged/list": "GET POST",
    "unmanaged/get": "GET POST",
    "unmanaged/convert_to_managed": "POST PATCH",
    "unmanaged/update": "POST PATCH",
    "unmanaged/delete": "POST DELETE",
    "simulate/create_unmanaged_access_code": "POST",
}
"""As the API's description lists them."""
CASES = [(path, verb) for path, verbs in VERBS.items() for verb in verbs.split()]
ALL = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def fields_for(raw: Raw, device_id: str, path: str) -> dict[str, Any]:
    code = raw.post("/access_codes/create", device_id=device_id, common_code_key=device_id).body[
        "access_code"
    ]
    by_path: dict[str, dict[str, Any]] = {
        "create_multiple": {"device_ids": [device_id]},
        "update_multiple": {"common_code_key": device_id, "name": "x"},
        "report_device_constraints": {"device_id": device_id, "supported_code_lengths": [6]},
    }
    by_id = {"access_code_id": code["access_code_id"]}
    about_code = path in ("update", "delete", "get", "get_timeline", "pull_backup_access_code")
    return by_path.get(path, by_id if about_code else {"device_id": device_id})


@pytest.mark.parametrize(("path", "verb"), CASES)
def test_every_verb_reaches_its_operation(raw: Raw, device_id: str, path: str, verb: str) -> None:
    answer = raw.call(verb, f"/access_codes/{path}", **fields_for(raw, device_id, path))
    found_none = path == "pull_backup_access_code" or path.startswith(("unmanaged/", "simulate/"))
    assert answer.status == 200 or (found_none and answer.status != 405)


@pytest.mark.parametrize("path", VERBS)
def test_every_other_verb_is_not_allowed(raw: Raw, path: str) -> None:
    for verb in sorted(ALL - set(VERBS[path].split())):
        answer = raw.send(verb, f"/access_codes/{path}")
        assert (answer.status, answer.body["error"]["type"]) == (405, "method_not_allowed")


def test_these_are_all_operations() -> None:
    declared = {one.path: one.verbs for one in OPERATIONS if one.path.startswith("/access_codes/")}
    assert declared == {f"/access_codes/{path}": frozenset(verbs.split()) for path, verbs in VERBS.items()}
