"""Each target finds a defect that was planted in what it tries: otherwise its silence would mean nothing."""

import json
import logging
import tomllib
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.asked import Asked
from agent.config import Config, convert
from agent.core.decision import Denied, Granted, Outcome, Reason
from agent.core.offline_policy import OfflineVerifier
from agent.core.throttle import LengthClass
from agent.enrol_exchange import Answer, Invitation, open_answer
from agent.envelope import Message, Opener, Refusal
from agent.errors import ConfigFault
from agent.guesses import Guesses
from agent.messages import CommandReceived
from agent.offline_setup import OfflineSetup, SetupFault, decode_setup
from cloud_sim.fleet import Fleet
from firmware_sim.site import Site
from hal.ascii_keypad import ETX, STX, Reading
from hal.osdp import codec
from tests.fuzz import by_hypothesis, corpus
from tests.fuzz.target import Check
from tests.fuzz.targets import (
    code_set,
    config,
    control,
    enrolment,
    entry,
    envelope,
    keypads,
    offline_setup,
    olc1,
    osdp,
    target,
    to_cloud,
    to_lock,
)


class Timeless(Opener):
    """Believes what is over."""

    def open(self, raw: bytes, stream: str, wall: int | None) -> Message | Refusal:
        del wall
        return super().open(raw, stream, None)


class Believing(Opener):
    """Believes what another signed, or nobody."""

    def open(self, raw: bytes, stream: str, wall: int | None) -> Message | Refusal:
        opened = super().open(raw, stream, wall)
        if opened == Refusal("bad_signature"):
            payload = raw.split(b".")[1]
            return self._judge(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)), stream, wall)
        return opened


def lets_the_switched_off_in(site: Site, digits: str) -> Outcome:
    """Skips one check of many."""
    outcome, table = code_set.judged(site, digits), site.controller.codes.holding.table
    if isinstance(outcome, Denied) and outcome.reason is Reason.DISABLED:
        code = table.code_at(table.ids.index(outcome.access_code_id))
        return outcome if code is None else Granted(code, 0)
    return outcome


def takes_any_command_for_now(site: Site, received: Any) -> None:
    """Asks neither for the session nor for the time."""
    if isinstance(received, CommandReceived):
        now_s = int(site.cloud_wall_s)
        received = replace(received, sid="sid", iat=now_s, exp=now_s + 20)
    to_lock.taken(site, received)


def lets_faults_through(fleet: Fleet, name: str, payload: bytes, is_retained: bool) -> None:
    """Forgets that a body may be none."""
    _, _, device_id, _, stream = name.split("/")
    message = fleet._opened(device_id, stream, payload, is_retained=is_retained)
    if message is not None:
        fleet._take(device_id, message, is_live=not is_retained)


def forgets_cancellations(*args: Any, floors: Any, denied: Any) -> OfflineVerifier:
    """Takes codes that were cancelled."""
    del floors
    return OfflineVerifier(*args, denied=denied)


def tells_what_is_wrong(document: bytes) -> OfflineSetup:
    """Shows the document in its refusal."""
    try:
        return decode_setup(document)
    except SetupFault as fault:
        raise SetupFault(f"{fault}, in {document!r}") from None


class FreeAfterFailures(Guesses):
    """Gives guesses away once three have failed."""

    def debit(self, length_class: LengthClass, now: float) -> bool:
        return super().debit(length_class, now) or self.budgets[length_class].failures > 3


def weakened(site: Site) -> None:
    site.controller.guesses.__class__ = FreeAfterFailures


def talkative(site: Site) -> None:
    """Tells its log what is typed."""
    del site
    logging.getLogger("agent.entries").debug("a key of %s", "493817#")


def looks_at_each_table_alone(path: Path) -> Config:
    """Does not see what is wrong between the tables."""
    try:
        return convert(tomllib.loads(path.read_text()), Config)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ConfigFault) as fault:
        raise ConfigFault(f"{path}: {fault}") from None


def takes_any_identity(raw: bytes, invitation: Invitation, identity_kid: str, tls_public: bytes) -> Answer:
    """Does not ask which key the cloud pinned."""
    try:
        claimed = json.loads(urlsafe_b64decode(raw.split(b".")[1] + b"=="))["identity"]
    except (ValueError, IndexError, KeyError, TypeError, RecursionError):
        claimed = identity_kid
    return open_answer(raw, invitation, claimed, tls_public)


VERBS = {json.loads(line.lstrip(b"!").split(b"\n")[0])["verb"] for line in control.seeds()}


def tells_digits(site: Site, asked: Asked) -> None:
    """Answers more than it should to what it does not know."""
    if asked.verb not in VERBS:
        asked.answer({"rows": [{"code": control.DIGITS}]})
    else:
        control.asked(site, asked)


class Forgetful(codec.Parser):
    """Drops what began in the piece before."""

    def feed(self, data: bytes) -> list[codec.Packet]:
        self.forget()
        return super().feed(data)


class Trusting(Reading):
    """Does not look at the check of a frame."""

    def _framed(self, byte: int) -> list[str | None]:
        frame = self._frame
        if frame and frame[-1] == ETX and frame[0] != STX:
            self._frame = None
            return self._keys(bytes(frame[:-1]))
        return super()._framed(byte)


PLANTED: dict[str, tuple[str, Callable[[Path], Check], int]] = {
    "a message that is over": ("envelope", partial(envelope.check, opener=Timeless), 1500),
    "a message that nobody signed": ("envelope", partial(envelope.check, opener=Believing), 1500),
    "a code that is switched off": ("code_set", partial(code_set.check, judge=lets_the_switched_off_in), 60),
    "a command for another time": ("to_lock", partial(to_lock.check, take=takes_any_command_for_now), 200),
    "a body that is none": ("to_cloud", partial(to_cloud.check, receive=lets_faults_through), 300),
    "an offline code that was cancelled": ("olc1", partial(olc1.check, verifier=forgets_cancellations), 400),
    "a secret in a refusal": ("offline_setup", partial(offline_setup.check, decode=tells_what_is_wrong), 300),
    "guesses without end": ("entry", partial(entry.check, weaken=weakened), 100),
    "digits in the log": ("entry", partial(entry.check, weaken=talkative), 10),
    "tables that contradict each other": (
        "config",
        partial(config.check, load=looks_at_each_table_alone),
        300,
    ),
    "a cloud that pinned another key": (
        "enrolment",
        partial(enrolment.check, answer=takes_any_identity),
        1500,
    ),
    "digits in an answer": ("control", partial(control.check, ask=tells_digits), 150),
    "a packet that comes in pieces": ("osdp", partial(osdp.check, parser=Forgetful), 60),
    "a frame that is damaged": ("keypads", partial(keypads.check, reader=Trusting), 400),
}


@pytest.mark.parametrize("defect", PLANTED)
def test_a_defect_that_was_planted_is_found(defect: str, directory: Path) -> None:
    name, check, size = PLANTED[defect]
    result = by_hypothesis.search(check(directory), corpus.kept(target(name)), size=size)
    assert result.finding is not None
    assert "AssertionError" in result.why or "ValidationError" in result.why
