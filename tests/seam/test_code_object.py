"""The shape of an access code: every property of the seed, and the page that explains them."""

from tests.docs.pages import page
from tests.seam.raw import Raw

SEED = {
    *(
        "access_code_id",
        "code",
        "common_code_key",
        "created_at",
        "device_id",
        "ends_at",
        "errors",
        "is_backup",
    ),
    *("is_backup_access_code_available", "is_external_modification_allowed", "is_managed", "name", "status"),
    *(
        "is_offline_access_code",
        "is_one_time_use",
        "is_scheduled_on_device",
        "is_waiting_for_code_assignment",
    ),
    *("pending_mutations", "pulled_backup_access_code_id", "starts_at", "type", "warnings", "workspace_id"),
    "appearance",
}
"""All but dormakaba_oracode_metadata, which is for that maker's locks."""


def test_a_code_has_every_property_of_the_seed_and_the_page_explains_each(raw: Raw, device_id: str) -> None:
    code = raw.post("/access_codes/create", device_id=device_id).body["access_code"]
    assert set(code) == SEED
    explained = page("seam-api.md").partition("| property |")[2].split("\n\n")[0]
    assert {line.split("`")[1] for line in explained.splitlines() if "`" in line} == SEED


def test_a_code_without_anything_is_ongoing_and_null_where_nothing_is(raw: Raw, device_id: str) -> None:
    code = raw.post("/access_codes/create", device_id=device_id).body["access_code"]
    assert (code["type"], code["starts_at"], code["ends_at"], code["name"]) == ("ongoing", None, None, None)
    assert (code["common_code_key"], code["pulled_backup_access_code_id"], code["appearance"]) == (None,) * 3


def test_the_shape_of_an_update_and_a_deletion(raw: Raw, device_id: str) -> None:
    code = raw.post("/access_codes/create", device_id=device_id).body["access_code"]
    about = {"access_code_id": code["access_code_id"]}
    answer = raw.call("PATCH", "/access_codes/update", **about, name="New").body
    assert (set(answer), answer["action_attempt"]["action_type"]) == (
        {"action_attempt", "ok"},
        "UPDATE_ACCESS_CODE",
    )
    gone = raw.call("DELETE", "/access_codes/delete", **about).body["action_attempt"]
    assert (gone["action_type"], gone["status"], gone["result"]) == ("DELETE_ACCESS_CODE", "success", {})


def test_an_old_request_in_the_query_gets_what_one_in_the_body_gets(raw: Raw, device_id: str) -> None:
    raw.post("/access_codes/create", device_id=device_id)
    body = raw.post("/access_codes/list", device_id=device_id).body
    assert raw.call("GET", "/access_codes/list", device_id=device_id).body == body
    assert body["pagination"] == {"next_page_cursor": None, "has_next_page": False, "next_page_url": None}
