"""The example of a unit's settings, and what of it the firmware reads."""

import json
import os
import re
from pathlib import Path
from typing import Any

from firmware_sim.controller.unit import Unit
from firmware_sim.nets import Machine, Nets
from hal.osdp import codec
from hal.osdp.aes import aes
from tests.hal.bench import KEYS, Bench, inside_reader

ROOT = Path(__file__).parents[2]
EXAMPLE: dict[str, Any] = json.loads((ROOT / "firmware_sim/controller/unit.example.json").read_text())
PAGE = (ROOT / "docs/firmware.md").read_text()


def test_the_example_makes_a_unit_whose_relay_is_off_from_the_first_moment() -> None:
    nets = Nets()
    unit = Unit(Machine(nets), EXAMPLE, bytes(16), aes, os.urandom)
    unit.step(0)
    assert [nets.pins[one].drives for one in EXAMPLE["relays"]] == [False]
    assert nets.shorts == 0


def test_every_key_of_the_example_is_on_the_page() -> None:
    listed = {name.partition(".")[0] for name in re.findall(r"`([a-z.]+)`", PAGE.partition("## Wire it")[2])}
    assert set(EXAMPLE) - {"address"} <= listed


def test_every_file_the_firmware_needs_is_copied_by_what_the_page_says() -> None:
    from tests.firmware.microcontroller import FIRMWARE

    copied = set(re.findall(r"(?:hal|firmware_sim)/[\w/*.]+\.py", PAGE))
    for name in FIRMWARE:
        assert name in copied or f"{Path(name).parent}/*.py" in copied


def test_a_stuck_key_is_an_input_after_all_others_until_it_is_let_go() -> None:
    nets, keypad = Nets(), EXAMPLE["keypad"]
    unit = Unit(Machine(nets), {"address": 0, "keypad": keypad}, KEYS["outside"], aes, os.urandom)
    key = nets.switch(keypad["rows"][1], keypad["columns"][1])
    bench = Bench(others=[unit, inside_reader()]).up()
    key.is_closed = True
    bench.run(19.0)
    before = bench.reports("outside", codec.ISTATR)
    bench.run(2.0)
    during = bench.reports("outside", codec.ISTATR)
    key.is_closed = False
    bench.run(1.0)
    assert (before, during, bench.reports("outside", codec.ISTATR)) == ([], [b"\1"], [b"\1", b"\0"])
    assert bench.typed() == "5"
