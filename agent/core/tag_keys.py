"""The keys that make the tag of what was typed: one, and one more for each time that the key was replaced.

A tag is one-way and nobody keeps digits, so a tag under another key can only be made of the tag there is: it
is wrapped. The older keys are needed for that, and keep no secret any more: the outermost one does.
"""

import hmac
from dataclasses import dataclass, field

from agent.core.verifier import TAG_BYTES, tag_of


@dataclass(frozen=True, slots=True)
class TagKeys:
    """32 bytes each: `first` makes the tag of digits, `wraps` those that came after it, the newest last.

    Every entry goes through all of them, whatever it is, so the work does not depend on it."""

    first: bytes = field(repr=False)
    wraps: tuple[bytes, ...] = field(default=(), repr=False)

    def tag_of(self, digits: str) -> bytes:
        """16 bytes for at most 15 ASCII digits; with one key what `verifier.tag_of` makes."""
        tag = tag_of(self.first, digits)
        for key in self.wraps:
            tag = wrapped(key, tag)
        return tag


def wrapped(tag_key: bytes, tag: bytes) -> bytes:
    """HMAC-SHA-256(tag_key, tag)[0:16]: the same code under one key more."""
    return hmac.digest(tag_key, tag, "sha256")[:TAG_BYTES]
