"""What a door takes as an access code: lengths, the keys of its keypad, the rule against weak codes."""

from dataclasses import dataclass

from agent.core.access_code import CodeError

ALL_DIGITS = "0123456789"
CODE_LENGTHS = (4, 5, 6, 7, 8)
"""All lengths a code of the table may have."""
CAPACITY = 10_000
"""The most codes a lock takes."""

_RUNS = ALL_DIGITS + "0"
"""Upwards as on a keypad, where 0 comes after 9."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """The limits of one door; published, so that a cloud need not find out. The defaults are the widest
    there are, but for weak codes."""

    code_lengths: tuple[int, ...] = CODE_LENGTHS
    """Ascending, at least one, each among CODE_LENGTHS."""
    digits: str = ALL_DIGITS
    """The digits the keypad has."""
    refuses_weak_codes: bool = True
    capacity: int = CAPACITY

    def published(self) -> dict[str, object]:
        """As `up/codes` says it, without the capacity, which stands beside it."""
        return {
            "digits": self.digits,
            "code_lengths": list(self.code_lengths),
            "min_code_length": self.code_lengths[0],
            "max_code_length": self.code_lengths[-1],
            "refuses_weak_codes": self.refuses_weak_codes,
        }


WIDEST = Constraints(refuses_weak_codes=False)
ON_RECEIPT = frozenset({CodeError.CODE_LENGTH, CodeError.DIGITS_NOT_ON_KEYPAD, CodeError.CODE_WEAK})
"""What is found with the digits at hand, when a code comes; afterwards the lock does not have them."""


def check_digits(digits: object, constraints: Constraints = WIDEST) -> CodeError | None:
    """What is wrong with the digits of a code, if anything; leading zeros count."""
    if not isinstance(digits, str) or not digits or not set(digits) <= set(constraints.digits):
        return CodeError.DIGITS_NOT_ON_KEYPAD
    if len(digits) not in constraints.code_lengths:
        return CodeError.CODE_LENGTH
    if constraints.refuses_weak_codes and is_weak(digits):
        return CodeError.CODE_WEAK
    return None


def is_weak(digits: str) -> bool:
    """What people try first: one digit throughout, or a run like 3456, 8765 or 7890 from end to end.

    These two and no more: clients of the seeds' API can be told exactly these (`no_all_same_digits`,
    `no_ascending_or_descending_sequence`), so that nobody is refused by a rule that has no name."""
    return len(set(digits)) == 1 or digits in _RUNS or digits[::-1] in _RUNS
