"""Confirming an act with a code instead of a passkey: for the demo, on a machine that has no authenticator.

The code is shown in the terminal in which the demo runs, names one act of one person in one session, and counts once. It proves
that somebody read that terminal and nothing else, which is why `[hub] step_up_codes` is off unless the demo is running.
"""

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from belvedere.foundation.clock import MINUTE_US, Clock
from belvedere.foundation.errors import Refused
from belvedere.hub.access.sessions import SignedIn

LIFE_US = 5 * MINUTE_US
DIGITS = 8
TRIES = 5
_KEPT = 256


@dataclass(frozen=True, slots=True)
class ShownCode:
    """What the terminal is to show: the code, and what it would confirm for whom."""

    code: str
    person: str
    do: str
    act_sha256: str  # hex


@dataclass(slots=True)
class _Open:
    session_key: str
    digest: bytes  # of the digits
    act_sha256: bytes
    expires_us: int  # by the monotonic clock
    tries: int = 0


class StepUpCodes:
    """Codes that wait to be typed. Thread-safe, bounded; `show` gets each as it is made."""

    def __init__(self, clock: Clock, show: Callable[[ShownCode], None]) -> None:
        self._clock = clock
        self._show = show
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, session: SignedIn, do: str, act_sha256: bytes) -> str:
        """Show a fresh code for this act; returns the name of the question. The session's older codes end."""
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        question = secrets.token_urlsafe(16)
        fresh = _Open(session.key, _digest(digits), act_sha256, self._clock.monotonic_us() + LIFE_US)
        with self._lock:
            for name in [name for name, each in self._open.items() if each.session_key == session.key]:
                del self._open[name]
            self._open[question] = fresh
            while len(self._open) > _KEPT:
                self._open.popitem(last=False)
        user = session.user
        self._show(ShownCode(f"{digits[:4]} {digits[4:]}", user.display or user.name, do[:64], act_sha256.hex()))
        return question

    def finish(self, session: SignedIn, question: str, code: str) -> bytes:
        """The SHA-256 of the act that the code was made for, which is used up. Raises Refused."""
        digits = "".join(sign for sign in code if sign in "0123456789")
        with self._lock:
            found = self._open.get(question)
            if (
                found is None
                or found.session_key != session.key
                or found.expires_us <= self._clock.monotonic_us()
                or found.tries >= TRIES
            ):
                raise Refused("That code is over.", advice="Start again: the terminal shows another one.")
            found.tries += 1
            if not hmac.compare_digest(found.digest, _digest(digits)):
                raise Refused("That is not the code.", advice="Copy the newest one from the demo's terminal.")
            del self._open[question]
        return found.act_sha256


def _digest(digits: str) -> bytes:
    return hashlib.sha256(digits.encode()).digest()
