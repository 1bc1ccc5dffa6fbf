"""A door of its own for each input, quickly: copies of one that was prepared."""

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from firmware_sim.site import Site
from firmware_sim.virtual_parts import VirtualClock


class _Lines(logging.Handler):
    """What was logged, as it would be read."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        self.texts.append(logging.Formatter().format(record))


class Doors:
    """Doors in a directory; the cloud is there, and so is the time."""

    def __init__(
        self, directory: Path, *, prepare: Callable[[Site], None] = lambda _: None, **settings: Any
    ) -> None:
        """`prepare` is done once, at the first of them; `settings`: see `Site`."""
        self._original, self._copy = directory / "original", directory / "copy"
        self._settings = settings
        self._log = _Lines()
        self._original.mkdir()
        site = Site(self._original, **settings)
        site.connect()
        prepare(site)
        assert site.strike.releases == 0
        self._now_s = site.clock.now_s
        site.close()

    @contextmanager
    def door(self) -> Iterator[Site]:
        """One as it was prepared, some seconds later."""
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._original, self._copy)
        clock = VirtualClock()
        clock.now_s = self._now_s + 5.0
        clock.wall_s += 5.0
        site, self._log = Site(self._copy, clock, **self._settings), _Lines()
        logger = logging.getLogger("agent")
        level = logger.level
        logger.addHandler(self._log)
        logger.setLevel(logging.DEBUG)
        try:
            site.connect()
            yield site
        finally:
            logger.setLevel(level)
            logger.removeHandler(self._log)
            site.close()

    def told(self, site: Site) -> str:
        """What that door logged, and what its journal says of each row."""
        return "\n".join([*self._log.texts, *(json.dumps(row["detail"]) for row in site.journal())])
