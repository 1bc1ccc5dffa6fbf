"""The enrolment that is in use, and what seals with its keys; changed on the disk and in memory as one."""

from pathlib import Path

from agent.enrolment import Enrolment, PendingKeys, Terms, forget_replaced, load_enrolment
from agent.enrolment_changes import change_terms, keep_pending, use_pending
from agent.sealing import Sealer
from agent.secrets import RootSecret


class KeyRing:
    """The keys of one lock and of its cloud. Controller thread only."""

    def __init__(self, state_dir: Path, root: RootSecret) -> None:
        """Load what `lock-agent enrol` kept. Raises NotEnrolled or SecretFault."""
        forget_replaced(state_dir)
        self._state_dir = state_dir
        self._root = root
        self.enrolment: Enrolment = load_enrolment(state_dir, root)
        self.sealer = Sealer(
            device_id=self.enrolment.device_id,
            identity=self.enrolment.identity,
            cloud_sealing=self.enrolment.terms.cloud_sealing,
        )

    def change(self, terms: Terms) -> None:
        """Let other terms count, in place of those before. Raises SecretFault; nothing changed then."""
        self.enrolment = change_terms(self._state_dir, self._root, self.enrolment, terms)
        self.sealer.rekey(self.enrolment)

    def keep_pending(self, pending: PendingKeys) -> None:
        """Keep keys of the lock that do not count yet. Raises SecretFault; nothing changed then."""
        self.enrolment = keep_pending(self._state_dir, self._root, self.enrolment, pending)

    def use_pending(self, kids: tuple[str, str], certificate: bytes) -> None:
        """Let the pending keys count in place of those before, see `enrolment_changes.use_pending`.

        Raises SecretFault; nothing changed then."""
        self.enrolment = use_pending(self._state_dir, self._root, self.enrolment, kids, certificate)
        self.sealer.rekey(self.enrolment)
