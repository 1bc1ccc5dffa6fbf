"""A unit whose firmware runs on the real MicroPython VM, with the face of a `Peripheral`."""

import json
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIRMWARE = [
    "hal/__init__.py",
    "hal/scan.py",
    *(f"hal/osdp/{name}.py" for name in ("__init__", "codec", "records", "secure")),
    "firmware_sim/__init__.py",
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "firmware_sim/controller").glob("*.py"))),
]
"""Every file that goes onto a microcontroller, relative to the root of the repository."""
BENCH = ["tests/__init__.py", "tests/firmware/__init__.py", "tests/firmware/vm/bench.py"]
RUN = ROOT / "tests/firmware/vm/run.mjs"
NODE = shutil.which("node")
PACKAGE = Path(sys.prefix) / "javascript/node_modules/@micropython/micropython-webassembly-pyscript"
"""Where `make test-tools` installs what tests/javascript/package-lock.json names."""
OUTSIDE = {
    "address": 0,
    "keypad": {"rows": [7, 8, 9, 10], "columns": [11, 12, 13], "layout": ["123", "456", "789", "*0#"]},
    "lamps": [16, 17, 18],
    "sounder": 19,
    "tamper": {"pin": 22, "active": "high"},
}
INSIDE = {
    "address": 1,
    "relays": [26],
    "inputs": [{"pin": 20, "active": "high"}, {"pin": 21, "active": "low"}],
}
GROUND = -1


class Microcontroller:
    """One unit in one VM. Times are milliseconds of the firmware's clock."""

    def __init__(self, settings: dict[str, Any], scbk: bytes) -> None:
        command = [str(NODE), str(RUN), str(PACKAGE), str(ROOT), *FIRMWARE, *BENCH]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._settings, self._scbk = settings, scbk.hex()
        self.boot()

    def close(self) -> None:
        """End the VM."""
        self._process.kill()
        self._process.communicate()

    def boot(self, *, has_key: bool = True) -> None:
        """Power on: what was not on flash is forgotten, and so is the key if it is to have none."""
        # This VM has no source of chance; microcontrollers do (`os.urandom`).
        scbk = self._scbk if has_key else ""
        self._ask("make", settings=self._settings, scbk=scbk, entropy=secrets.token_hex(2048))

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """See `Peripheral`."""
        return bytes.fromhex(self._ask("receive", data=data.hex(), now_ms=now_ms))

    def step(self, now_ms: int) -> None:
        """See `Peripheral`."""
        self._ask("step", now_ms=now_ms)

    def due_ms(self) -> int | None:
        """See `Peripheral`."""
        due: int | None = self._ask("due")
        return due

    def press(self, key: str) -> bool:
        """A key as if the matrix had found it."""
        return bool(self._ask("press", key=key))

    def switch(self, one: int, other: int = GROUND, *, is_closed: bool) -> None:
        """Join two pins, or part them."""
        self._ask("switch", ends=[one, other], closed=is_closed)

    def key(self, key: str, *, is_down: bool) -> None:
        """Press a key of the matrix, or let it go."""
        keypad = OUTSIDE["keypad"]
        assert isinstance(keypad, dict)
        row = next(number for number, keys in enumerate(keypad["layout"]) if key in keys)
        column = keypad["layout"][row].index(key)
        self.switch(keypad["rows"][row], keypad["columns"][column], is_closed=is_down)

    def level(self, number: int) -> int:
        """What can be measured at a pin."""
        return int(self._ask("level", number=number))

    def kept(self) -> dict[str, Any]:
        """What it wrote on its flash: `key`, `place`."""
        kept: dict[str, Any] = self._ask("kept")
        return kept

    def memory(self) -> int:
        """Bytes of the heap in use."""
        return int(self._ask("memory"))

    def _ask(self, do: str, **arguments: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the VM ended"
        answer = json.loads(line)
        assert not (isinstance(answer, dict) and "fault" in answer), answer["fault"]
        return answer
