"""The scripted visit: from a code created over HTTP to the event at the cloud, then what may go wrong."""

import click

from firmware_sim.faults import SimFault
from firmware_sim.site_processes import Site
from firmware_sim.transcript import Transcript, require
from firmware_sim.visit import Visit, tomorrow

INTRODUCTION = """\
One door, played on real parts: every line below was done to, or seen at, a
process of its own on this machine. "do" is what people do; a time is how long
after that the line was seen."""


def play(site: Site) -> None:
    """Start `site` and play the visit at its first door. `SimFault` at the first thing that goes wrong."""
    try:
        _play(site, Transcript())
    except SimFault:
        for child in site.children.values():
            child.check()  # one that ended is the better explanation
        raise


def _play(site: Site, transcript: Transcript) -> None:
    click.echo(INTRODUCTION)
    with transcript.step("The site starts: broker, cloud, the door's board and its agent."):
        site.start()
        for name, child in site.children.items():
            transcript.note(f"{name:<8} process {child.pid}")
        transcript.saw("keypad served, uplink up, the cloud knows the lock and its time")
    visit = Visit(site, site.doors[0], transcript)
    digits = _ordinary_visit(visit, transcript)
    _refusals(visit, transcript)
    _one_time_code(visit, transcript)
    _outage(site, visit, transcript, digits)
    click.echo("\nAll went as told.")


def _ordinary_visit(visit: Visit, transcript: Transcript) -> str:
    with transcript.step("A host creates an access code over HTTP, and it reaches the lock."):
        digits, code_id = visit.create_code("Visitor")
        visit.expect_held(code_id)
    last = visit.last_sequence()
    with transcript.step("The visitor types the code at the keypad."):
        visit.expect_release(digits)
    with transcript.step("The visitor walks through; the door locks behind them."):
        visit.walk_through()
    with transcript.step("The host sees at the cloud what happened."):
        visit.expect_event("lock.unlocked", last, access_code_id=code_id)
        for kind in ("door_opened", "door_closed", "relocked"):
            visit.expect_event(f"lock.{kind}", last)
    return digits


def _refusals(visit: Visit, transcript: Transcript) -> None:
    with transcript.step("Somebody types a code that does not exist."):
        visit.expect_refusal(visit.new_digits(), "unknown_code")
    with transcript.step("A guest of tomorrow comes today."):
        digits, code_id = visit.create_code("Guest of tomorrow", starts_at=tomorrow())
        visit.expect_held(code_id)
        visit.expect_refusal(digits, "not_yet_valid")


def _one_time_code(visit: Visit, transcript: Transcript) -> None:
    with transcript.step("A courier uses a one-time code."):
        digits, code_id = visit.create_code("Courier", is_one_time_use=True)
        visit.expect_held(code_id)
        visit.expect_release(digits)
        visit.walk_through()
    with transcript.step("The courier tries the same code again."):
        visit.expect_refusal(digits, "used_up")


def _outage(site: Site, visit: Visit, transcript: Transcript, digits: str) -> None:
    last = visit.last_sequence()
    with transcript.step("The network is pulled out: the broker is killed."):
        site.kill_broker()
        transcript.did("kill -9 the broker")
        visit.expect_uplink(is_up=False)
    with transcript.step("The visitor's code still opens; the host creates one more in the meantime."):
        visit.expect_release(digits)
        visit.walk_through()
        late_digits, late_id = visit.create_code("Made during the outage")
        require(not visit.events(last), "events reached the cloud although the network is out")
        transcript.saw("nothing of it is at the cloud yet")
    with transcript.step("The network is put back: the events arrive, each once and in order."):
        transcript.did("start the broker again")
        site.start_broker()
        visit.expect_uplink(is_up=True)
        visit.expect_event("lock.unlocked", last)
        visit.expect_everything_delivered()
        visit.require_each_event_once_in_order()
    with transcript.step("The code made during the outage has arrived too."):
        visit.expect_held(late_id)
        visit.expect_release(late_digits)
        visit.walk_through()
