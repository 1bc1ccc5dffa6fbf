"""The bolt behind the strike: what was commanded, what its sensor confirms, and when to try again.

Pure. A bolt without a sensor is never jammed, and nothing is claimed of it. One with a sensor has 3 s to
obey, is told again twice, 2 s apart, and is then an alarm until it moves (as motor locks do: Safetron ML128).
"""

from dataclasses import dataclass, replace

CONFIRM_S = 3.0
AGAIN_S = 2.0
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bolt:
    """One bolt. Times are seconds since boot."""

    is_withdrawn: bool | None = None
    """What the sensor says; None: it says nothing, or there is none."""
    shall_withdraw: bool = False
    """What the strike was told last."""
    check_at_s: float | None = None
    """Set while it has not obeyed yet."""
    tries: int = 0
    jam: str | None = None
    """Where it stuck: "unlocking" or "locking"."""

    @property
    def has_obeyed(self) -> bool:
        """Whether the sensor does not contradict what was commanded."""
        return self.is_withdrawn in (None, self.shall_withdraw)


@dataclass(frozen=True, slots=True)
class Step:
    """The bolt afterwards, and whether the strike has to be told once more."""

    bolt: Bolt
    is_again: bool = False


def told(bolt: Bolt, shall_withdraw: bool, now: float, *, is_door_open: bool) -> Bolt:
    """The strike was told. A bolt is thrown into a door that is shut, so an open one is not waited for."""
    if bolt.shall_withdraw != shall_withdraw:
        # A release may be over before the third try: that it never came is known after the first.
        jam = bolt.jam or ("unlocking" if bolt.tries > 1 and not bolt.has_obeyed else None)
        bolt = replace(bolt, shall_withdraw=shall_withdraw, check_at_s=None, tries=0, jam=jam)
    if bolt.has_obeyed or (is_door_open and not shall_withdraw):
        return replace(bolt, check_at_s=None, tries=0)
    if bolt.check_at_s is None and bolt.tries < TRIES:
        return replace(bolt, check_at_s=now + CONFIRM_S, tries=1)
    return bolt


def sensed(bolt: Bolt, is_withdrawn: bool | None) -> Bolt:
    """The sensor says something new, or (None) nothing any more. A bolt that moved is not jammed."""
    is_known = None not in (is_withdrawn, bolt.is_withdrawn)
    bolt = replace(bolt, is_withdrawn=is_withdrawn, jam=None if is_known else bolt.jam)
    return replace(bolt, check_at_s=None, tries=0) if bolt.has_obeyed else bolt


def tick(bolt: Bolt, now: float) -> Step:
    """What is due at `now`."""
    if bolt.check_at_s is None or now < bolt.check_at_s:
        return Step(bolt)
    if bolt.tries < TRIES:
        return Step(replace(bolt, check_at_s=now + AGAIN_S, tries=bolt.tries + 1), is_again=True)
    return Step(replace(bolt, check_at_s=None, jam="unlocking" if bolt.shall_withdraw else "locking"))
