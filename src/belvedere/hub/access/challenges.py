"""What the hub asked an authenticator to sign, kept until the answer comes. In memory: a restart means asking again."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum

from belvedere.foundation.clock import MINUTE_US, Clock
from belvedere.foundation.errors import Refused
from belvedere.hub.access.origin import RelyingParty

LIFE_US = 5 * MINUTE_US
NONCE_BYTES = 32
_KEPT = 4096  # the oldest goes first


class Ceremony(StrEnum):
    """What an answer is for. One for another ceremony counts for nothing."""

    REGISTER = "register"
    SIGN_IN = "sign_in"
    STEP_UP = "step_up"


@dataclass(frozen=True, slots=True)
class Pending:
    """One open question."""

    id: str
    ceremony: Ceremony
    # Invariant: 32 random bytes, followed for a step-up by the SHA-256 of the act.
    challenge: bytes
    party: RelyingParty
    session_key: str  # "" while nobody is signed in
    expires_us: int  # by the monotonic clock


class Challenges:
    """Open questions, each answered once at most. Thread-safe, bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: OrderedDict[str, Pending] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, ceremony: Ceremony, party: RelyingParty, session_key: str = "", bound_to: bytes = b"") -> Pending:
        """A fresh question; its challenge is a nonce followed by `bound_to`."""
        challenge = secrets.token_bytes(NONCE_BYTES) + bound_to
        pending = Pending(
            secrets.token_urlsafe(16), ceremony, challenge, party, session_key, self._clock.monotonic_us() + LIFE_US
        )
        with self._lock:
            self._open[pending.id] = pending
            while len(self._open) > _KEPT:
                self._open.popitem(last=False)
        return pending

    def take(self, question: str, ceremony: Ceremony, session_key: str = "") -> Pending:
        """The question, which can't be answered again. Raises Refused for an unknown, old, used or foreign one."""
        with self._lock:
            found = self._open.pop(question, None)
        if (
            found is None
            or found.expires_us <= self._clock.monotonic_us()
            or found.ceremony is not ceremony
            or found.session_key != session_key
        ):
            raise Refused("That took too long, or was answered already.", advice="Start again.")
        return found
