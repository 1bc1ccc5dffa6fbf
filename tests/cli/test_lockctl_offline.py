"""lockctl offline and totp: a bench without an agent, with real files."""

import json
import stat
from pathlib import Path
from typing import Any

import pyotp
import pytest
from click.testing import CliRunner, Result

from agent.cli.lockctl import main
from agent.core.totp import Progress, Technicians
from agent.offline_setup import load_setup
from tests.core.olc1 import CANCEL, DEVICE, PUBLISHED, ROOT, START, code_of, key_of, once, timed

PUBLISHED_FILE = Path(__file__).parents[2] / "issuer" / "vectors.json"
START_TEXT = "2026-06-01T15:00Z"


def lockctl(*words: str, typed: str = "") -> Result:
    """Run it; what is typed comes from standard input."""
    return CliRunner().invoke(main, words, input=typed)


@pytest.fixture
def keys(tmp_path: Path) -> str:
    """A file with the keys of the published vectors: issuer 0 by root, issuer 7 by key."""
    path = tmp_path / "keys.json"
    write(
        path,
        {
            "device_id": DEVICE,
            "keys": [
                {"kid": 1, "root": ROOT.hex()},
                {
                    "kid": 2,
                    "issuer": 7,
                    "key": key_of(2, 7).key.hex(),
                    "policy": {"longest_h": 100, "serials": 1},
                },
            ],
        },
    )
    return str(path)


def write(path: Path, document: dict[str, Any]) -> None:
    path.unlink(missing_ok=True)
    path.write_text(json.dumps(document))
    path.chmod(0o400)


def change(path: str, **fields: Any) -> None:
    """Set fields of the first key."""
    document = json.loads(Path(path).read_text())
    document["keys"][0] |= fields
    write(Path(path), document)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--hours", "68"], "8731773918"),
        (["--hours", "68", "--serial", "1"], "1097229258"),
        (["--hours", "673"], "2229494668"),
        (["--once", "--serial", "47"], "5209148585"),
        (["--cancel"], "8609104651"),
        (["--hours", "68", "--issuer", "7"], code_of(timed(68), key=key_of(2, 7))),
    ],
    ids=["timed", "second", "rounded up", "once", "cancel", "other issuer"],
)
def test_a_code_is_issued_as_published(keys: str, options: list[str], code: str) -> None:
    assert lockctl("offline", "issue", keys, "--start", START_TEXT, *options).output == f"{code}\n"


def test_an_issued_code_says_in_json_what_it_is(keys: str) -> None:
    told = json.loads(
        lockctl("--json", "offline", "issue", keys, "--start", START_TEXT, "--hours", "700").output
    )
    assert told == {
        "code": code_of(timed(720)),
        "kind": "timed",
        "starts_at": START,
        "ends_at": START + 720 * 3600,
        "serial": 0,
        "kid": 1,
        "issuer": 0,
    }


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--hours", "101", "--issuer", "7"], "the policy or the slots of kid 2, issuer 7"),
        (["--hours", "1", "--serial", "1", "--issuer", "7"], "the policy or the slots of kid 2, issuer 7"),
        (["--hours", "1", "--issuer", "9"], "it has kid 1 issuer 0, kid 2 issuer 7"),
        (["--hours", "1", "--serial", "4"], "the serial of a timed code is 0 to 3"),
    ],
)
def test_a_code_that_the_lock_would_refuse_is_not_issued(keys: str, options: list[str], reason: str) -> None:
    result = lockctl("offline", "issue", keys, "--start", START_TEXT, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert reason in result.stderr


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        ([], "give one of --hours N, --once and --cancel"),
        (["--hours", "1", "--once"], "give one of --hours N, --once and --cancel"),
        (["--once", "--start", "2026-06-01T15:00"], "add Z for UTC"),
        (["--once", "--start", "tomorrow"], "write it like 2026-06-01T15:00Z"),
    ],
)
def test_wrong_usage_says_what_to_give(keys: str, options: list[str], mend: str) -> None:
    result = lockctl("offline", "issue", keys, *options)
    assert result.exit_code == 2
    assert mend in result.stderr


@pytest.mark.parametrize(
    ("at", "state"),
    [
        ("2026-06-01T14:54:59Z", "not yet"),
        ("2026-06-01T14:55:00Z", "may be used first now"),
        ("2026-06-02T15:04:59Z", "may be used first now"),
        ("2026-06-02T15:05:00Z", "too late for a first use; opens if it was used in time"),
        ("2026-06-04T11:05:00Z", "over"),
    ],
)
def test_a_typed_code_is_explained_for_any_moment(keys: str, at: str, state: str) -> None:
    text = lockctl("offline", "explain", keys, "--at", at, typed="8731773918\n").output
    assert text == (
        f"timed: {state}; from 2026-06-01 15:00:00Z for 68 h, first use before 2026-06-02 15:00:00Z; "
        "serial 0, kid 1, issuer 0\n"
    )


def test_codes_for_one_opening_and_for_cancelling_are_told_apart(keys: str) -> None:
    for meaning, kind in ((once(5), "once"), (CANCEL, "cancel")):
        told = lockctl("offline", "explain", keys, "--at", START_TEXT, typed=code_of(meaning)).output
        assert told.startswith(f"{kind}: may be used first now; from 2026-06-01 15:00:00Z, to be used before")


def test_a_cancelled_a_denied_and_a_forbidden_code_are_called_so(keys: str) -> None:
    def state() -> str:
        told = lockctl("offline", "explain", keys, "--at", START_TEXT, "--json", typed="8731773918\n").output
        return str(json.loads(told)["readings"][0]["state"])

    assert state() == "live"
    change(keys, policy={"longest_h": 67})
    assert state() == "not_allowed"
    change(keys, policy={}, last_slot=21182)
    assert state() == "not_allowed"
    document = json.loads(Path(keys).read_text())
    write(Path(keys), document | {"denied": [{"kid": 1, "issuer": 0, "slot": 21183, "q": 67}]})
    assert state() == "denied"
    change(keys, cancelled_before_slot=21184)
    assert state() == "cancelled"


def test_a_code_of_an_issuer_who_is_not_in_the_file_is_found_by_the_root(keys: str) -> None:
    code = code_of(timed(68), key=key_of(1, 99))
    told = lockctl("offline", "explain", keys, "--at", START_TEXT, "--json", typed=code).output
    readings = json.loads(told)["readings"]
    assert ("other_issuer", 1, 99, 68) in [(r["state"], r["kid"], r["issuer"], r["hours"]) for r in readings]


def test_digits_that_are_no_code_are_called_so(keys: str) -> None:
    far = code_of(timed(68), START + 10 * 366 * 86_400)
    result = lockctl("offline", "explain", keys, "--at", START_TEXT, typed=far)
    assert (result.exit_code, result.output) == (
        1,
        "no code of these keys that starts within two years: mistyped, or of another lock\n",
    )
    assert "has 10 digits and nothing else" in lockctl("offline", "explain", keys, typed="12345\n").stderr


def test_keys_are_shown_without_any_key(keys: str) -> None:
    text = lockctl("offline", "keys", keys).output
    assert "kid 1, issuer 0: root, starts from 2024-01-01 00:00:00Z" in text
    assert "at most 101196 codes" in text
    assert "that is more than 1e-5" in text
    for secret in (ROOT.hex(), key_of(2, 7).key.hex(), key_of(1, 0).key.hex()):
        assert secret not in text
        assert secret not in repr(load_setup(Path(keys)))


def test_new_keys_are_their_owners_alone_keep_the_bound_and_are_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    assert lockctl("offline", "new", str(path), "--device-id", "a-lock").exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert json.loads(lockctl("offline", "keys", str(path), "--json").output)["is_bound_met"] is True
    before = path.read_bytes()
    again = lockctl("offline", "new", str(path), "--device-id", "a-lock")
    assert (again.exit_code, path.read_bytes()) == (1, before)
    assert "is not replaced" in again.stderr
    assert list(tmp_path.iterdir()) == [path]


def test_a_phone_gets_the_key_of_its_issuer_and_not_the_root(keys: str, tmp_path: Path) -> None:
    out = tmp_path / "phone.json"
    assert lockctl("offline", "export", keys, str(out), "--kid", "1", "--issuer", "9").exit_code == 0
    assert ROOT.hex() not in out.read_text()
    code = lockctl("offline", "issue", str(out), "--start", START_TEXT, "--once").output.strip()
    assert code == code_of(once(), key=key_of(1, 9))
    refused = lockctl("offline", "export", keys, str(tmp_path / "no.json"), "--kid", "2", "--issuer", "9")
    assert "has no root of kid 2" in refused.stderr


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "required field `device_id`"),
        ({"device_id": "x", "colour": 1}, "unknown field `colour`"),
        ({"device_id": "x", "digits": 7}, "8, 9 or 10 digits"),
        ({"device_id": "x", "keys": [{"kid": 1}]}, "keys[0]: needs either root or key"),
        ({"device_id": "x", "keys": [{"kid": 1, "root": "zz"}]}, "keys[0]: not hexadecimal"),
        ({"device_id": "x", "keys": [{"kid": 1, "root": "00"}]}, "keys[0]: the root of offline keys is 32"),
        ({"device_id": "x", "keys": [{"kid": 1, "key": "00" * 32}] * 2}, "the same kid and issuer"),
        ({"device_id": "x", "keys": [{"kid": k, "key": "00" * 32} for k in range(4)]}, "at most 3 keys"),
        (
            {"device_id": "x", "keys": [{"kid": 1, "key": "00" * 32, "policy": {"serials": 5}}]},
            "0 to 4 serials",
        ),
        (
            {"device_id": "x", "technicians": [{"slot": 1, "secret": "a1!"}]},
            "technicians[0]: the secret is not",
        ),
        (
            {"device_id": "x", "technicians": [{"slot": 1, "secret": "MFRGG"}]},
            "technicians[0]: the secret of a",
        ),
        ({"device_id": "x", "technicians": [{"slot": 1, "secret": "A" * 32}] * 2}, "the same slot"),
    ],
)
def test_a_file_that_is_wrong_is_refused_and_the_place_is_named(
    tmp_path: Path, document: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "wrong.json"
    write(path, document)
    result = lockctl("offline", "keys", str(path))
    assert result.exit_code == 1
    assert reason in result.stderr
    assert "00" * 32 not in result.stderr


def test_a_file_that_others_can_read_is_not_read(keys: str, tmp_path: Path) -> None:
    Path(keys).chmod(0o440)
    assert "chmod 0400" in lockctl("offline", "keys", keys).stderr
    assert "No such file" in lockctl("offline", "keys", str(tmp_path / "none.json")).stderr


# --- vectors ------------------------------------------------------------------------------------------


def test_all_published_vectors_agree() -> None:
    result = lockctl("offline", "vectors", str(PUBLISHED_FILE))
    total = len(PUBLISHED["vectors"])
    assert (result.exit_code, result.output) == (0, f"{total} of {total} vectors agree\n")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("code", "9916461968", "code is 9916461967, the file says 9916461968"),
        ("q", 1, "q read from the code is 0, the file says 1"),
        ("slot", 1, "slot read from the code is 0, the file says 1"),
        ("key", "00" * 32, "key is 2d5b"),
        ("tweak", "00", "tweak is 4f4c"),
        ("hours", 2, "code is"),
        ("serial", 4, "the serial of a timed code is 0 to 3"),
        ("code", "12345", "has 10 digits and nothing else"),
        ("phase", 1, "the phase is"),
    ],
)
def test_a_vector_that_is_wrong_anywhere_is_counted_and_named(
    tmp_path: Path, field: str, value: object, reason: str
) -> None:
    first = next(v for v in PUBLISHED["vectors"] if v["code"] == "9916461967")
    rest = [v for v in PUBLISHED["vectors"] if v is not first][:2]
    path = tmp_path / "vectors.json"
    path.write_text(json.dumps(PUBLISHED | {"vectors": [first | {field: value}, *rest]}))
    result = lockctl("offline", "vectors", str(path))
    assert result.exit_code == 1
    assert reason in result.output
    assert "2 of 3 vectors agree" in result.output


NO_VECTORS = ["", "{}", "[1]", '{"root": "zz", "device_id": "x", "vectors": []}', '{"x": ' + "[" * 9999]


@pytest.mark.parametrize("text", NO_VECTORS, ids=range(len(NO_VECTORS)))
def test_a_file_that_holds_no_vectors_is_called_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "vectors.json"
    path.write_text(text)
    result = lockctl("offline", "vectors", str(path))
    assert result.exit_code == 1
    assert "not a file of vectors" in result.stderr


# --- technicians --------------------------------------------------------------------------------------


def test_an_app_that_scans_the_code_shows_what_the_lock_takes(keys: str) -> None:
    told = json.loads(
        lockctl("totp", "add", keys, "--name", "tech-042@site7", "--slot", "42", "--json").output
    )
    app = pyotp.parse_uri(told["uri"])
    assert isinstance(app, pyotp.TOTP)
    assert (app.name, app.issuer, told["slot"]) == ("tech-042@site7", "Keypad", 42)
    [technician] = [one.technician() for one in load_setup(Path(keys)).technicians]
    outcome = Technicians({42: (technician, Progress())}).look(f"042{app.at(START)}", START)
    assert outcome.refusal is None


def test_the_secret_is_drawn_and_not_written(keys: str) -> None:
    text = lockctl("totp", "add", keys, "--name", "tech").output
    [technician] = load_setup(Path(keys)).technicians
    assert "tech types 000 and then the six digits" in text
    assert "█" in text
    assert technician.secret not in text
    assert technician.secret not in lockctl("totp", "list", keys).output
    assert technician.secret not in repr(technician)


def test_technicians_get_the_lowest_free_slots_and_keep_them_when_revoked(keys: str) -> None:
    for name in ("a", "b"):
        lockctl("totp", "add", keys, "--name", name)
    lockctl("totp", "revoke", keys, "--slot", "0")
    lockctl("totp", "add", keys, "--name", "c", "--start", START_TEXT, "--end", "2026-06-02T15:00Z")
    assert lockctl("totp", "list", keys).output.splitlines() == [
        "000  a: revoked",
        "001  b: from - until -",
        "002  c: from 2026-06-01 15:00:00Z until 2026-06-02 15:00:00Z",
    ]
    assert "slot 001 is taken" in lockctl("totp", "add", keys, "--name", "d", "--slot", "1").stderr
    assert "no technician of slot 009" in lockctl("totp", "revoke", keys, "--slot", "9").stderr
    assert stat.S_IMODE(Path(keys).stat().st_mode) == 0o400
