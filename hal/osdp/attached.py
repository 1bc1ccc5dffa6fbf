"""What every device on an OSDP reader has in common: it hangs on a reader, and the line does the work."""

from collections.abc import Mapping

from hal.osdp.line import Line


def line_of(device: str, reader: str, lines: Mapping[str, Line]) -> Line:
    """The line `reader` is on; a `ValueError` that names the known readers if there is none."""
    if reader not in lines:
        known = ", ".join(sorted(lines)) or "none"
        raise ValueError(f"device {device}: there is no reader {reader!r}; configured readers: {known}")
    return lines[reader]
