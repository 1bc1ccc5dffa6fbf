"""`python -m cloud_sim`: init, serve and invite as people run them."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from agent.enrol_exchange import read_invitation
from cloud_sim.authority import initialise
from cloud_sim.mqtt_link import BadAddress, BrokerAddress, parse_address
from cloud_sim.state_directory import StateDirectory
from tests.cloud.site import NOWHERE, CloudProcess


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cloud_sim", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_init_again_changes_nothing_and_keeps_others_out(tmp_path: Path) -> None:
    state = tmp_path / "cloud"
    assert run("init", "--state", str(state)).returncode == 0
    first = {path.name: path.read_bytes() for path in state.iterdir()}
    assert run("init", "--state", str(state)).returncode == 0
    assert {path.name: path.read_bytes() for path in state.iterdir()} == first
    assert {path.stat().st_mode & 0o777 for path in state.iterdir()} == {0o600}


def test_init_completes_what_a_crash_left_out(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    initialise(state)
    key = state.broker_key.read_bytes()
    state.broker_certificate.unlink()
    initialise(state)
    certificate = x509.load_pem_x509_certificate(state.broker_certificate.read_bytes())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(state.ca.read_bytes()))
    assert state.broker_key.read_bytes() == key


def test_the_brokers_certificate_is_good_for_this_machine(state: StateDirectory) -> None:
    certificate = x509.load_pem_x509_certificate(state.broker_certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == {"localhost", "127.0.0.1", "::1"}
    key = certificate.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    assert isinstance(key.curve, SECP256R1)


def test_the_clouds_own_certificate_calls_it_cloud(state: StateDirectory) -> None:
    certificate = x509.load_pem_x509_certificate(state.client_certificate.read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=cloud"


def test_serving_before_init_says_what_to_run(tmp_path: Path) -> None:
    done = run("serve", "--state", str(tmp_path), "--mqtt", NOWHERE)
    assert done.returncode == 1
    assert f"python -m cloud_sim init --state {tmp_path}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("url", ["mqtt://127.0.0.1:1883", "127.0.0.1:8883", "mqtts://", "mqtts://host:port"])
def test_a_broker_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(BadAddress, match="mqtts://host:port"):
        parse_address(url)


def test_a_broker_address_without_a_port_means_the_usual_one() -> None:
    assert parse_address("mqtts://broker.example") == BrokerAddress("broker.example", 8883)


def test_two_clouds_do_not_serve_one_state(lonely_cloud: CloudProcess) -> None:
    done = run("serve", "--state", str(lonely_cloud.state.root), "--mqtt", NOWHERE)
    assert done.returncode == 1
    assert "another cloud" in done.stderr


def test_a_serving_cloud_leaves_nothing_that_others_can_read(lonely_cloud: CloudProcess) -> None:
    paths = [path for path in lonely_cloud.state.root.iterdir() if path != lonely_cloud.log]
    assert "cloud.db" in {path.name for path in paths}
    assert {path.stat().st_mode & 0o077 for path in paths} == {0}


def test_invite_prints_one_line_that_is_an_invitation(lonely_cloud: CloudProcess) -> None:
    done = run("invite", "--state", str(lonely_cloud.state.root), "--name", "Back door")
    device_id = read_invitation(done.stdout).device_id
    assert lonely_cloud.api.get(f"/locks/{device_id}").body["name"] == "Back door"
    again = run("invite", "--state", str(lonely_cloud.state.root), "--device-id", device_id)
    assert read_invitation(again.stdout).device_id == device_id


def test_inviting_an_unknown_lock_or_without_a_cloud_says_why(
    lonely_cloud: CloudProcess, tmp_path: Path
) -> None:
    unknown = run("invite", "--state", str(lonely_cloud.state.root), "--device-id", "nobody")
    assert (unknown.returncode, "no lock with this id" in unknown.stderr) == (1, True)
    state = StateDirectory(tmp_path)
    initialise(state)
    state.url.write_text("http://127.0.0.1:9\n")
    absent = run("invite", "--state", str(tmp_path))
    assert (absent.returncode, "start it with serve" in absent.stderr) == (1, True)


def test_who_invites_a_lock_before_the_cloud_has_served_is_told_to_serve(tmp_path: Path) -> None:
    run("init", "--state", str(tmp_path))
    done = run("invite", "--state", str(tmp_path), "--name", "Front door")
    assert (done.returncode, f"python -m cloud_sim serve --state {tmp_path}" in done.stderr) == (1, True)


def test_a_port_that_is_taken_is_named_with_what_to_do(tmp_path: Path) -> None:
    run("init", "--state", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--state", str(tmp_path), "--mqtt", NOWHERE, "--http-port", port)
    said = f"cloud_sim serve: --http-port {port}: Address already in use; name another one, or 0 for any\n"
    assert (done.returncode, done.stderr) == (1, said)
