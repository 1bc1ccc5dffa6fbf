"""What holds for every operation: the key, the paths, and the envelope of every failure."""

import re
import stat
import uuid

from tests.cloud.site import Api, CloudProcess
from tests.seam.raw import Raw


def test_the_key_has_the_form_that_sdks_accept_and_only_its_owner_reads_it(quiet_cloud: CloudProcess) -> None:
    path = quiet_cloud.state.seam_api_key
    assert re.fullmatch(r"seam_(?!at|cst|pk)[1-9A-Za-z]{8}_[1-9A-Za-z]{24}", path.read_text().strip())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_the_key_everything_is_unauthorized(raw: Raw, quiet_cloud: CloudProcess) -> None:
    for key in (None, "seam_wrong", quiet_cloud.state.api_token.read_text().strip()):
        answer = Raw(raw.base_url, key).send("GET", "/access_codes/list")
        assert (answer.status, answer.body["error"]["type"]) == (401, "unauthorized")


def test_the_seam_key_opens_nothing_of_the_device_cloud(raw: Raw, quiet_cloud: CloudProcess) -> None:
    assert Api(quiet_cloud.base_url, raw.key).get("/locks").status == 401


def test_every_failure_has_the_envelope_and_a_request_id(raw: Raw) -> None:
    answer = raw.send("GET", "/no/such_thing")
    assert (answer.status, answer.body["ok"], answer.body["error"]["type"]) == (404, False, "not_found")
    assert answer.headers["content-type"].startswith("application/json")
    assert uuid.UUID(answer.headers["seam-request-id"])
