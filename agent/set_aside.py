"""A database of which nothing may be believed is put out of the way and kept, and a new one begins.

New means: no codes until the cloud has given them again, none of them used up there (it knows of the loss by
the new `journal_epoch`), no guesses at first, and no offline code from before that moment (spec decisions,
"Messages"). Without the cloud such a lock opens for nobody, and that is the safe side.
"""

import logging
from pathlib import Path

from agent.core.throttle import Budget, LengthClass
from agent.errors import StateDamaged, StorageFault
from agent.store import Store

log = logging.getLogger(__name__)

KEEP = 3
"""So many are kept, the newest: a card that fails again and again must not fill up with them."""
_MARK = ".set-aside-"


def open_store(path: Path, *, device_id: str, row_key: bytes, store_key: bytes, set_epoch: int) -> Store:
    """The store at `path`; a new one where the old one is damaged or was changed by another hand.
    Raises StorageFault for what may pass, such as a full disk: that costs no database."""
    try:
        return Store(path, device_id=device_id, row_key=row_key, store_key=store_key, set_epoch=set_epoch)
    except StateDamaged as damage:
        log.warning("%s; it is set aside, and this lock begins anew", damage)
        kept_as = _set_aside(path)
        store = Store(path, device_id=device_id, row_key=row_key, store_key=store_key, set_epoch=set_epoch)
        for each in LengthClass:
            store.debit(each, Budget(tokens=0.0))
        store.replaces = kept_as
        return store


def set_aside_files(path: Path) -> list[str]:
    """The names of the databases that were set aside, oldest first."""
    found = [file for file in path.parent.glob(f"{path.name}{_MARK}*") if file.suffix != ".wal"]
    return [file.name for file in sorted(found, key=_number)]


def forget_set_aside(path: Path) -> list[str]:
    """Remove the databases that were set aside; returns their names. Raises StorageFault."""
    names = set_aside_files(path)
    try:
        for file in map(path.with_name, names):
            file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
            file.unlink()
    except OSError as error:
        raise StorageFault(f"cannot remove what was set aside of {path}: {error.strerror}") from error
    return names


def _number(file: Path) -> int:
    number = file.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _set_aside(path: Path) -> str:
    """The file first: should the process end in between, nothing is left that could be taken for whole."""
    before = [path.with_name(name) for name in set_aside_files(path)]
    for file in before[: -KEEP + 1]:
        file.unlink()
        file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
    kept = path.with_name(f"{path.name}{_MARK}{max(map(_number, before), default=0) + 1}")
    path.rename(kept)
    log_of_writes = Path(f"{path}-wal")
    if log_of_writes.exists():
        log_of_writes.rename(kept.with_name(f"{kept.name}.wal"))
    return kept.name
