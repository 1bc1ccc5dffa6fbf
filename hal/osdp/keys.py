"""Which Secure Channel key a reader is asked to prove, of the few it may have."""

from hal.osdp.events import Reader
from hal.osdp.secure import PUBLIC_KEY

OWN_KEY = b"\x01"
DEFAULT_KEY = b"\x00"
"""Content of the security block of CHLNG and SCRYPT: a key of this reader alone, or the public SCBK-D."""
_ROUNDS_OF_DOUBT = 2


class ReaderKeys:
    """Its own key; the next one, which it may have got already; and the public one while it is installed.

    No repr shows a key. Once the next key has been proved, the one before is never asked for again.
    """

    def __init__(self, reader: Reader) -> None:
        self._configured = reader.scbk
        self._own = [reader.scbk] + ([reader.next_scbk] if reader.next_scbk else [])
        self._at = 0
        self._rounds = 0
        self.is_installing = False
        """Whether the public key may be tried, to give the reader its own."""

    @property
    def scbk(self) -> bytes:
        """The key to be proved in the next attempt."""
        return PUBLIC_KEY if self.is_public else self._own[self._at]

    @property
    def is_public(self) -> bool:
        """Whether that is the key everybody knows: nothing but KEYSET may be sent under it."""
        return self._at == len(self._own)

    @property
    def is_next(self) -> bool:
        """Whether that is another key than the configured one."""
        return not self.is_public and self.scbk != self._configured

    @property
    def kind(self) -> bytes:
        """What the security block says about it."""
        return DEFAULT_KEY if self.is_public else OWN_KEY

    def refused(self) -> bool:
        """The reader does not have this key; True if there is another one to try at once."""
        self._at += 1
        if self._at < len(self._own) + (1 if self.is_installing else 0):
            return True
        self._rounds += 1
        self._at = 0
        return False

    def is_in_doubt(self) -> bool:
        """Whether it has refused all keys more than once since it last proved one: no damaged packet."""
        return self._rounds >= _ROUNDS_OF_DOUBT

    def proved(self) -> None:
        """A session is up with `scbk`."""
        self._rounds = 0
        if self.is_next:
            self._own = [self.scbk]
            self._at = 0

    def start_over(self) -> None:
        """Ask for its own key first; the public one is no more tried unless it is installed."""
        self._at = 0

    def follow(self, scbk: bytes) -> None:
        """It is being given another key: it may have either from now on."""
        if scbk not in self._own:
            self._own.append(scbk)

    def followed(self) -> None:
        """It has confirmed the other key: that one is asked for first."""
        self._at = len(self._own) - 1
