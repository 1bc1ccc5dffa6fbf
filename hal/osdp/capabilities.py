"""What a reader says it can do (PDCAP), and which commands that leaves."""

from collections.abc import Mapping
from dataclasses import dataclass

from hal.osdp import codec, records

_INPUTS = 1
_OUTPUTS = 2
_LED = 4
_SOUNDER = 5
_RECEIVE_BUFFER = 10
_NEEDS = {
    codec.ISTAT: (_INPUTS, "no inputs"),
    codec.OUT: (_OUTPUTS, "no outputs"),
    codec.LED: (_LED, "no light"),
    codec.BUZ: (_SOUNDER, "no sounder"),
}
_COUNTED = (_INPUTS, _OUTPUTS)
"""Of lights and sounders some readers have one and count none."""
_BLOCK = 16
_AROUND_DATA = 5 + 2 + 1 + codec.MAC_BYTES + 2


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Asked for inside of the session, so that nobody on the line can talk a reader down.

    `functions` maps a function code to (compliance, number of items); None: the reader did not say, so
    everything is tried.
    """

    functions: Mapping[int, tuple[int, int]] | None = None

    def refusal(self, code: int, data: bytes) -> str:
        """Why this command would be in vain, or ""."""
        if self.functions is None:
            return ""
        function, nothing = _NEEDS.get(code, (0, ""))
        compliance, items = self.functions.get(function, (0, 0))
        if function and not (compliance and (items or function not in _COUNTED)):
            return f"the reader says that it has {nothing}"
        missing = [number for number, _, _ in records.outputs(data) if number >= items]
        if code == codec.OUT and missing:
            return f"the reader has {items} outputs, none with the number {missing[0]}"
        return self._too_long(data)

    def _too_long(self, data: bytes) -> str:
        low, high = (self.functions or {}).get(_RECEIVE_BUFFER, (0, 0))
        limit = low | high << 8
        size = _AROUND_DATA + (len(data) // _BLOCK + 1) * _BLOCK
        return f"the reader takes {limit} bytes at once, this needs {size}" if 0 < limit < size else ""


def capabilities(data: bytes) -> Capabilities:
    """What PDCAP says: three bytes a function. An answer that is no such list says nothing."""
    if not data or len(data) % 3:
        return Capabilities()
    return Capabilities({data[at]: (data[at + 1], data[at + 2]) for at in range(0, len(data), 3)})
