"""People over HTTP: exported and erased by name or by id."""

from urllib.parse import quote

from tests.cloud.site import Api, CloudProcess


def test_a_person_is_exported_and_erased_and_then_unknown(
    api: Api, lock_id: str, lonely_cloud: CloudProcess
) -> None:
    path = f"/locks/{lock_id}/access_codes"
    code = api.post(path, name="Ada King/Lovelace", person_id="p 17").body
    api.post(path, name="Somebody else")
    for person in ("Ada King/Lovelace", "p 17"):
        export = api.get(f"/people/{quote(person, safe='')}/export")
        assert (export.status, export.body["person"]) == (200, person)
        assert export.body["access_codes"] == [api.get(f"/access_codes/{code['access_code_id']}").body]
        assert export.body["events"] == export.body["journal_rows"] == []
    erased = api.send("DELETE", f"/people/{quote('Ada King/Lovelace', safe='')}").body
    assert (erased["ok"], erased["access_codes"]) == (True, 1)
    assert api.get("/people/p%2017/export").body["error_code"] == "PERSON_NOT_FOUND"
    kept = api.get(f"/access_codes/{code['access_code_id']}").body
    assert kept == {**code, "name": None, "person_id": None}
    files = lonely_cloud.state.database.parent.glob("*.db*")
    assert not any(b"Lovelace" in file.read_bytes() for file in files)
    assert "Lovelace" not in lonely_cloud.log.read_text()


def test_erasing_again_is_harmless(api: Api) -> None:
    for _ in range(2):
        assert api.send("DELETE", "/people/Nobody").body == {"ok": True, "access_codes": 0, "events": 0}


def test_people_are_behind_the_token(api: Api) -> None:
    assert Api(api.base_url, None).get("/people/Ada/export").status == 401
    assert Api(api.base_url, None).send("DELETE", "/people/Ada").status == 401
