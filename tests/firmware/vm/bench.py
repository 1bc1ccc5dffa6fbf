"""Runs inside the MicroPython VM: the firmware on pins that the test wires, driven by lines of JSON."""

import gc
import json

from firmware_sim.controller.aes import aes
from firmware_sim.controller.unit import Unit


class Pin:
    """What `machine.Pin` is on hardware: pins that drive, pull and read, joined by closed switches."""

    IN, OUT, OPEN_DRAIN = 0, 1, 2
    PULL_UP = 1
    board = {}
    closed = []

    def __init__(self, number, mode=IN, pull=None, value=None):
        self._number, self._mode, self._pulled = number, mode, pull == self.PULL_UP
        self.drives = None
        self.board[number] = self
        if mode != self.IN:
            self.value(value or 0)

    def value(self, level=None):
        if level is None:
            return self._read()
        self.drives = None if self._mode == self.OPEN_DRAIN and level else level

    def _read(self):
        seen, todo = [], [self._number]
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.append(at)
                if at >= 0:
                    todo += [end for ends in self.closed if at in ends for end in ends]
        members = [self.board[at] for at in seen if at in self.board]
        driven = [one.drives for one in members if one.drives is not None] + [0 for at in seen if at < 0]
        return min(driven) if driven else 1 if [one for one in members if one._pulled] else 0


class Machine:
    Pin = Pin


unit = None
kept = {}


def serve(line):
    """Carry out one request; the answer as JSON."""
    request = json.loads(line)
    return json.dumps(globals()["_" + request.pop("do")](**request))


def _make(settings, scbk, entropy):
    """Without `scbk` the unit has no key yet. What it is told to keep is in `kept`."""
    global unit
    kept.clear()
    pool = [bytes.fromhex(entropy)]

    def random_bytes(count):
        taken, pool[0] = pool[0][:count], pool[0][count:]
        assert len(taken) == count
        return taken

    key = bytes.fromhex(scbk) if scbk else None
    unit = Unit(Machine, settings, key, aes, random_bytes, _keep_key, _keep_place)


def _keep_key(scbk):
    kept["key"] = scbk.hex()
    return True


def _keep_place(address, baud):
    kept["place"] = [address, baud]
    return True


def _kept():
    return kept


def _receive(data, now_ms):
    return unit.receive(bytes.fromhex(data), now_ms).hex()


def _step(now_ms):
    unit.step(now_ms)


def _due():
    return unit.due_ms()


def _switch(ends, closed):
    Pin.closed.append(ends) if closed else Pin.closed.remove(ends)


def _level(number):
    return Pin.board[number].value()


def _press(key):
    return unit.peripheral.press(key)


def _memory():
    gc.collect()
    return gc.mem_alloc()
