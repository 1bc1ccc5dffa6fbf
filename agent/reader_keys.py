"""The files with the Secure Channel keys of readers: 16 bytes in hex each, written by an administrator.

The agent only reads them. While a key is changed the new one is in `KEY_FILE.next`; it takes the place of the
old one by being renamed, once the reader has it.
"""

import stat
from pathlib import Path

from agent.errors import ConfigFault
from hal.osdp.events import key_problem


def next_key_file(path: Path) -> Path:
    """Where the key is that the one in `path` is changed to."""
    return path.with_name(path.name + ".next")


def reader_key(path: Path) -> bytes:
    """The key in a file. Raises ConfigFault, which does not show it."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not hexadecimal"
        raise ConfigFault(f"cannot read the reader key {path}: {what}") from None
    if mode & 0o077:
        raise ConfigFault(
            f"the reader key {path} has mode {mode:04o}, so others can read it: chmod 0400 {path}"
        )
    if problem := key_problem(key):
        raise ConfigFault(f"the reader key {path}: {problem}")
    return key
