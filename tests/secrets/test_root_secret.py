"""The root secret: made once, read from one place, never shown, and different for every purpose."""

import base64
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.credential_seal import Seal, seal_of
from agent.secrets import (
    RootSecret,
    SecretFault,
    SecretSource,
    create_root_secret_file,
    load_root_secret,
    seal,
    unseal,
)

KEY = bytes(range(32))


def made(path: Path) -> RootSecret:
    create_root_secret_file(path)
    return load_root_secret(SecretSource(file=path))


def test_a_new_root_secret_can_be_read_only_by_its_owner(tmp_path: Path) -> None:
    made(tmp_path / "root-secret")
    assert (tmp_path / "root-secret").stat().st_mode & 0o777 == 0o400
    assert [entry.name for entry in tmp_path.iterdir()] == ["root-secret"]


def test_a_root_secret_is_never_replaced(tmp_path: Path) -> None:
    before = made(tmp_path / "root-secret").derive("tag")
    with pytest.raises(SecretFault, match="exists"):
        create_root_secret_file(tmp_path / "root-secret")
    assert load_root_secret(SecretSource(file=tmp_path / "root-secret")).derive("tag") == before


def test_a_secret_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    made(tmp_path / "root-secret")
    (tmp_path / "root-secret").chmod(0o640)
    with pytest.raises(SecretFault, match="chmod 0400"):
        load_root_secret(SecretSource(file=tmp_path / "root-secret"))


@pytest.mark.parametrize("content", ["", "00" * 31, "00" * 33, "not a secret", "0" * 63])
def test_a_secret_of_another_size_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "root-secret"
    path.write_text(content)
    path.chmod(0o400)
    with pytest.raises(SecretFault, match="64 hexadecimal digits") as fault:
        load_root_secret(SecretSource(file=path))
    assert not content or content not in str(fault.value)


def test_a_missing_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretFault, match="does not exist"):
        load_root_secret(SecretSource(file=tmp_path / "none"))


def test_a_directory_that_cannot_hold_the_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretFault, match="cannot create"):
        create_root_secret_file(tmp_path / "missing" / "root-secret")


def test_a_systemd_credential_is_read_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = made(tmp_path / "root-secret").derive("store")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    credential = load_root_secret(SecretSource(credential="root-secret"))
    assert credential.derive("store") == expected
    assert "credential root-secret" in credential.describe()


def test_without_systemd_a_credential_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(SecretFault, match="LoadCredentialEncrypted"):
        load_root_secret(SecretSource(credential="root-secret"))


@pytest.mark.parametrize("name", ["../root-secret", "/etc/passwd", "..", ""])
def test_a_credential_is_a_name_not_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(SecretFault, match="name, not a path"):
        load_root_secret(SecretSource(credential=name))


def test_exactly_one_source_is_named() -> None:
    with pytest.raises(SecretFault, match="exactly one"):
        SecretSource()
    with pytest.raises(SecretFault, match="exactly one"):
        SecretSource(file=Path("a"), credential="b")


def test_every_purpose_has_a_key_of_its_own_and_always_the_same() -> None:
    root = RootSecret(KEY, "here")
    keys = [root.derive(purpose) for purpose in ("tag", "row", "store", "tls")]
    assert len(set(keys)) == 4
    assert all(len(key) == 32 for key in keys)
    # HKDF-SHA256, no salt, info "lock-agent/tag/1": a change here makes every stored code unreadable.
    assert keys[0].hex() == "ee4ab3e44e2660b5a8153b5364840988838675299deb04c21e2563f730770f25"


def test_the_secret_is_in_no_repr(tmp_path: Path) -> None:
    root = made(tmp_path / "root-secret")
    secret = (tmp_path / "root-secret").read_text().strip()
    assert secret not in repr(root) + root.describe()
    assert str(bytes.fromhex(secret)) not in repr(root)


def test_what_was_sealed_opens_under_its_key_and_name_only() -> None:
    sealed = seal(KEY, b"seed", "keys|door")
    assert unseal(KEY, sealed, "keys|door") == b"seed"
    assert b"seed" not in sealed
    with pytest.raises(SecretFault):
        unseal(KEY, sealed, "keys|other")
    with pytest.raises(SecretFault):
        unseal(bytes(32), sealed, "keys|door")


def test_any_flipped_bit_of_sealed_data_is_noticed() -> None:
    sealed = seal(KEY, b"seed", "keys")
    for bit in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SecretFault):
            unseal(KEY, bytes(altered), "keys")


@pytest.mark.parametrize("size", [0, 11, 12, 27])
def test_sealed_data_cut_short_is_refused(size: int) -> None:
    with pytest.raises(SecretFault):
        unseal(KEY, seal(KEY, b"", "keys")[:size], "keys")


@pytest.mark.parametrize(
    "module", ["agent.secrets", "agent.enrolment", "agent.uplink", "agent.assemble", "agent.cli.daemon"]
)
def test_what_runs_before_the_keypad_is_up_loads_nothing_slow(module: str) -> None:
    program = (
        f"import {module}, sys; print([m for m in ('paho', 'joserfc', 'ssl', 'http') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


# --- what a thief of the disk gets --------------------------------------------------------------------

HOST, TPM2, BOTH, NOTHING = (
    "5a1c6a86df9d4096b1d5a65e0862f19a",
    "0c7cc07b117645919c4b0bea08bc20fe",
    "93a894094874449090caf2fc93cab553",
    "058469daf6f54324800549da0f8ea2fb",
)


@pytest.fixture
def credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in which a service finds its credential; beside it one for what is on the disk."""
    given = tmp_path / "given"
    given.mkdir()
    (tmp_path / "disk").mkdir()
    made(given / "root-secret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    return tmp_path / "disk"


@pytest.mark.parametrize(
    ("seal", "says", "is_off_disk"),
    [
        (TPM2, "sealed by the TPM2", True),
        (BOTH, "sealed by the TPM2", True),
        (HOST, "sealed by a host key that is on the disk as well", False),
        (NOTHING, "sealed by nothing", False),
        ("00" * 16, "unless that is off the disk", False),
    ],
)
def test_it_is_said_by_which_key_a_credential_is_sealed(
    credential: Path, seal: str, says: str, is_off_disk: bool
) -> None:
    (credential / "root-secret.cred").write_bytes(base64.b64encode(bytes.fromhex(seal) + bytes(60)))
    root = load_root_secret(SecretSource(credential="root-secret"), credential)
    assert says in root.describe()
    assert root.is_off_disk == is_off_disk


@pytest.mark.parametrize("content", [None, b"", b"no base64 !", b"AAAA"])
def test_a_credential_that_is_not_seen_is_not_called_safe(credential: Path, content: bytes | None) -> None:
    if content is not None:
        (credential / "root-secret.cred").write_bytes(content)
    root = load_root_secret(SecretSource(credential="root-secret"), credential)
    assert ("unless that is off the disk" in root.describe(), root.is_off_disk) == (True, False)


def test_a_copy_in_clear_beside_a_sealed_credential_is_not_overlooked(credential: Path) -> None:
    (credential / "root-secret.cred").write_bytes(base64.b64encode(bytes.fromhex(TPM2) + bytes(60)))
    made(credential / "root-secret")
    root = load_root_secret(SecretSource(credential="root-secret"), credential)
    assert (f"in clear in {credential}" in root.describe(), root.is_off_disk) == (True, False)


@pytest.mark.skipif(shutil.which("systemd-creds") is None, reason="systemd-creds is not installed")
def test_what_the_real_tool_makes_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("00" * 32)
    sealed = tmp_path / "root-secret.cred"
    command = ["systemd-creds", "encrypt", "--with-key=tpm2-absent", "--name=root-secret"]
    done = subprocess.run([*command, tmp_path / "plain", sealed], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this systemd-creds makes no credential without a key")
    assert seal_of(sealed) is Seal.NOTHING


def test_a_process_that_forbids_dumps_can_be_dumped_by_nothing() -> None:
    program = (
        "import ctypes, resource; from agent.no_dumps import forbid_dumps; forbid_dumps();"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "(0, 0) 0"
