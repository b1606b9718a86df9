"""Step-up: a person confirms one act with a passkey, and what is signed is that act.

The challenge is nonce || SHA-256(canonical JSON of the act), so the log holds the person's own signature over exactly what was
asked. A proof counts once, for five minutes, for that person in that session and for that act alone.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from belvedere.foundation.clock import MINUTE_US, Clock
from belvedere.foundation.errors import BadInput, StepUpNeeded
from belvedere.hub.access.challenges import NONCE_BYTES
from belvedere.hub.access.passkeys import Assertion
from belvedere.hub.access.sessions import SignedIn

LIFE_US = 5 * MINUTE_US
LONGEST_ACT = 64 << 10  # bytes of canonical JSON
_DEEPEST = 8
_KEPT = 4096
Act = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepUpProof:
    """That a person confirmed an act. `audit_index`: the log's entry with the signature."""

    id: str
    user_id: str
    session_key: str
    act_sha256: str  # hex
    credential_id: str  # "" for a code
    audit_index: int
    expires_us: int


def canonical_act(act: Act) -> bytes:
    """The act as everybody writes it: UTF-8 JSON, names sorted, no spaces, no fractions. Raises BadInput."""
    _require_plain(act, 0)
    text = msgspec.json.encode(act, order="sorted")
    if len(text) > LONGEST_ACT:
        raise BadInput("That is too much to confirm at once.", advice="Confirm it in parts.")
    return text


def act_sha256(act: Act) -> bytes:
    """What a step-up for `act` is bound to: 32 bytes. Raises BadInput."""
    return hashlib.sha256(canonical_act(act)).digest()


def bound_act(challenge: bytes) -> str:
    """The act's SHA-256 in a step-up's challenge, hex."""
    return challenge[NONCE_BYTES:].hex()


def _require_plain(value: object, depth: int) -> None:
    if depth > _DEEPEST:
        raise BadInput("An act is nested too deeply.", advice="This is a fault in the page: report it.")
    match value:
        case Mapping():
            if not all(isinstance(name, str) for name in value):
                raise BadInput("An act's names are words.", advice="This is a fault in the page: report it.")
            for each in value.values():
                _require_plain(each, depth + 1)
        case list() | tuple():
            for each in value:
                _require_plain(each, depth + 1)
        case None | bool() | str():
            pass
        case int() if abs(value) < 1 << 53:  # what JavaScript holds exactly
            pass
        case _:
            raise BadInput(
                "An act holds words, whole numbers, yes and no, and lists of them.",
                advice="This is a fault in the page: report it.",
            )


class StepUps:
    """Proofs that wait to be used. In memory, bounded, thread-safe: a restart means confirming again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._proofs: OrderedDict[tuple[str, str, str], StepUpProof] = OrderedDict()
        # Invariant: session key: when its person last confirmed anything; the oldest is forgotten first.
        self._last_us: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def put(
        self, session: SignedIn, proof_id: str, act_hash: str, assertion: Assertion | None, audit_index: int
    ) -> StepUpProof:
        """Keep the proof of an assertion that was verified and logged; None: of a code, where those count."""
        proof = StepUpProof(
            proof_id,
            session.user.id,
            session.key,
            act_hash,
            "" if assertion is None else assertion.passkey.credential_id,
            audit_index,
            self._clock.now_us() + LIFE_US,
        )
        with self._lock:
            self._proofs[(proof.user_id, proof.session_key, act_hash)] = proof
            self._last_us[session.key] = self._clock.now_us()
            self._last_us.move_to_end(session.key)
            while len(self._last_us) > _KEPT:
                self._last_us.popitem(last=False)
            while len(self._proofs) > _KEPT:
                self._proofs.popitem(last=False)
        return proof

    def recent(self, session: SignedIn, within_us: int) -> bool:
        """Whether the person confirmed anything in this session within the last `within_us`."""
        with self._lock:
            last_us = self._last_us.get(session.key)
        return last_us is not None and 0 <= self._clock.now_us() - last_us < within_us

    def require(self, session: SignedIn, act: Act) -> StepUpProof:
        """Use up the proof for exactly this act. Raises StepUpNeeded, which tells the page what to have confirmed."""
        with self._lock:
            proof = self._proofs.pop((session.user.id, session.key, act_sha256(act).hex()), None)
        if proof is None or proof.expires_us <= self._clock.now_us():
            raise StepUpNeeded(
                "This has to be confirmed with a passkey.", advice="Confirm it when your browser asks.", act=act
            )
        return proof
