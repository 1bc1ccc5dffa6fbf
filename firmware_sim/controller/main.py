"""The program on the microcontroller: reads `unit.json` and `scbk`, then serves the line until power is cut.

Whatever goes wrong ends in a restart by the watchdog, with the relays off.
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
    with open("scbk") as file:
        text = file.read().strip()
    if len(text) != _KEY_DIGITS:
        raise ValueError("the file scbk must hold 32 hexadecimal digits")
    unit = Unit(machine, settings, bytes.fromhex(text), aes, os.urandom)
    line = settings["line"]
    uart = machine.UART(line["uart"], line["baud"], tx=line["tx"], rx=line["rx"])
    direction = machine.Pin(line["direction"], machine.Pin.OUT, value=0) if "direction" in line else None
    watchdog = machine.WDT(timeout=WATCHDOG_MS)
    while True:
        now_ms = utime.ticks_ms()
        data = uart.read()
        if data:
            _send(uart, direction, unit.receive(data, now_ms))
        else:
            unit.step(now_ms)
        watchdog.feed()
        utime.sleep_ms(1)


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
