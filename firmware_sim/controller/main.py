"""The program on the microcontroller: reads `unit.json` and `scbk`, then serves the line until power is cut.

Whatever goes wrong ends in a restart by the watchdog, with the relays off. Without `scbk` the unit has no key
yet, and waits to be given one. What it is given is in a file of its own before it replaces the old one.
"""

import json
import os

import machine
import utime

from firmware_sim.controller.aes import aes
from firmware_sim.controller.unit import Unit

WATCHDOG_MS = 2000
_KEY_DIGITS = 32


def run() -> None:
    """Never returns."""
    with open("unit.json") as file:
        settings = json.load(file)
    line = settings["line"]
    baud = line["baud"]

    def keep_place(address: int, baud: int) -> bool:
        settings["address"], line["baud"] = address, baud
        return _keep("unit.json", json.dumps(settings))

    unit = Unit(machine, settings, _key(), aes, os.urandom, _keep_key, keep_place)
    uart = machine.UART(line["uart"], baud, tx=line["tx"], rx=line["rx"])
    direction = machine.Pin(line["direction"], machine.Pin.OUT, value=0) if "direction" in line else None
    watchdog = machine.WDT(timeout=WATCHDOG_MS)
    while True:
        now_ms = utime.ticks_ms()
        data = uart.read()
        if data:
            _send(uart, direction, unit.receive(data, now_ms))
            if line["baud"] != baud:
                # It has said so at the old rate; the relays are off in between.
                machine.reset()
        else:
            unit.step(now_ms)
        watchdog.feed()
        utime.sleep_ms(1)


def _key() -> "bytes | None":
    if "scbk" not in os.listdir():
        return None
    with open("scbk") as file:
        text = file.read().strip()
    if len(text) != _KEY_DIGITS:
        raise ValueError("the file scbk must hold 32 hexadecimal digits")
    return bytes.fromhex(text)


def _keep_key(scbk: bytes) -> bool:
    return _keep("scbk", scbk.hex())


def _keep(name: str, text: str) -> bool:
    """Replace a file, whole: power may be cut at any moment."""
    try:
        with open(name + ".new", "w") as file:
            file.write(text)
        os.rename(name + ".new", name)
    except OSError:
        return False
    return True


def _send(uart: "machine.UART", direction: "machine.Pin | None", answer: bytes) -> None:
    """On RS-485 without automatic direction the driver is on only while there is something to say."""
    if not answer:
        return
    if direction is not None:
        direction.value(1)
    uart.write(answer)
    uart.flush()
    if direction is not None:
        direction.value(0)
