"""The guesses a door has left: taken durably before anything is looked at, given back after a success."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from agent.core import throttle
from agent.core.throttle import Budget, LengthClass, Risk
from agent.journal import Event
from agent.store import Store


class Guesses:
    """Controller thread only; `debit` may raise StorageFault."""

    def __init__(self, store: Store, risk_per_year: float, now: float, keys: int = 10) -> None:
        """As they were left; time without the agent earned nothing. `reckon` comes before anything else.

        `keys`: how many digits the keypad has."""
        self.budgets = store.budgets(now)
        self.risks: dict[LengthClass, Risk] = {}
        self._store = store
        self._risk_per_year = risk_per_year
        self._keys = keys
        self.chances: Mapping[int, float] = {}
        """By length, those of hitting an offline or rolling code; whoever sets them reckons anew."""

    def reckon(self, code_lengths: Iterable[int]) -> None:
        """The live codes, of these lengths, decide how fast guesses come back."""
        lengths = list(code_lengths)
        for each in LengthClass:
            own = [length for length in lengths if throttle.class_of(length) is each]
            besides = {
                length: chance for length, chance in self.chances.items() if throttle.class_of(length) is each
            }
            self.risks[each] = throttle.risk(each, own, self._risk_per_year, self._keys, besides)

    def debit(self, length_class: LengthClass, now: float) -> bool:
        """Take one guess, durably. False: there is none, and nothing may be looked at."""
        refill_s = self.risks[length_class].refill_s
        budget = throttle.debit(self.budgets[length_class], now, refill_s)
        if budget is None:
            return False
        self._store.debit(length_class, budget)
        self.budgets[length_class] = budget
        return True

    def refunded(self, length_class: LengthClass) -> Budget:
        """What the budget would be after a success; `keep` it once that is durable."""
        return throttle.refund(self.budgets[length_class])

    def acknowledged(self, length_class: LengthClass | None) -> Mapping[LengthClass, Budget]:
        """What the budgets (None: all) would be with failures counted from zero. Gives no guess back."""
        classes = LengthClass if length_class is None else (length_class,)
        return {each: replace(self.budgets[each], failures=0) for each in classes}

    def keep(self, budgets: Mapping[LengthClass, Budget]) -> None:
        """These have become durable."""
        self.budgets.update(budgets)

    def next_short_s(self, now: float) -> float | None:
        """When short codes are looked at again, seconds since boot; None while they are."""
        refill_s = self.risks[LengthClass.SHORT].refill_s
        return throttle.next_token_s(self.budgets[LengthClass.SHORT], now, refill_s)

    def alarm(self, length_class: LengthClass) -> Event | None:
        """What to write when there were too many failures, each time there are as many again."""
        failures = self.budgets[length_class].failures
        if not failures or failures % throttle.ALARM_FAILURES:
            return None
        return Event("throttle_alarm", {"length_class": length_class.value, "failures": failures})
