"""What tests and lock-sim can make the broker do wrong, to see that its clients survive it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Faults:
    """Counts go down to zero as the faults happen. May be set from any thread."""

    pubacks_to_drop: int = 0
    """So many publishers' messages are taken and forwarded, but never acknowledged."""
    deliveries_to_duplicate: int = 0
    """So many QoS 1 messages are sent to their subscriber twice, the second marked as a duplicate."""
    cut_off: frozenset[str] = frozenset()
    """Clients without a way to the broker: their connections end without a word, as soon as it knows them."""
    delivery_delay_s: float = 0.0
    """Every message to a subscriber leaves the broker this much later."""

    def drops_puback(self) -> bool:
        if self.pubacks_to_drop == 0:
            return False
        self.pubacks_to_drop -= 1
        return True

    def duplicates_delivery(self) -> bool:
        if self.deliveries_to_duplicate == 0:
            return False
        self.deliveries_to_duplicate -= 1
        return True
