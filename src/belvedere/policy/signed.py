"""A grant on the wire: the hub's signed words, and the proof that they stood in the audit log before they were used.

    {"format": 1, "grant": {...}, "signature": B64, "log": {"index", "salt", "record", "path", "checkpoint"}}

The signature covers the bytes of `grant` behind a fixed prefix, so that it can't pass for a checkpoint or a manifest. The
log record names the SHA-256 of the same bytes: a grant that was never logged does not open.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from belvedere.foundation.clock import Clock, iso
from belvedere.foundation.errors import Refused
from belvedere.policy.grant import MINT, Action, Grant
from belvedere.tlog.checkpoint import Checkpoint
from belvedere.tlog.note import BadNote
from belvedere.tlog.proof import LogProof

FORMAT = 1
MAX_WIRE_BYTES = 256 * 1024
GRANT_ISSUED = "grant.issued"  # kind of the log entry that makes a grant usable
_PREFIX = b"belvedere grant 1\n"
_CACHED = 256  # grants kept open, so that each media request does not cost two signature checks
_ROOTS = 1024  # checkpoints remembered, to notice two different trees of one size
_ASK_AGAIN = "Ask for access again."
_TELL = "Do not go on; tell the data protection officer: the hub's log has been changed or set back."


class GrantForged(Refused):
    """A grant that the hub did not sign, or that was changed on the way."""

    code = "grant_forged"


class GrantUnlogged(Refused):
    """A grant without a valid proof that it stands in the hub's log."""

    code = "grant_unlogged"


class LogForked(Refused):
    """The hub's log went back or shows two histories."""

    code = "log_forked"


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is signed, field by field as in `Grant`; collections sorted. `originals` stands there only when it is true."""

    id: str
    user_id: str
    user_name: str
    purpose: str
    purpose_text: str
    case: str
    cameras: tuple[str, ...]
    from_us: int
    to_us: int
    actions: tuple[Action, ...]
    issued_us: int
    expires_us: int
    masked: bool
    approver: str
    policy_version: str
    originals: bool = False


class _Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    index: int
    salt: bytes
    record: str
    path: tuple[bytes, ...]
    checkpoint: str


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    grant: msgspec.Raw
    signature: bytes
    log: _Log


class _Facts(msgspec.Struct, frozen=True):
    grant_sha256: str


class _Record(msgspec.Struct, frozen=True):
    kind: str
    facts: _Facts


def grant_words(grant: Grant) -> bytes:
    """The canonical JSON of a grant: the bytes that are signed."""
    words = _Words(
        id=grant.id,
        user_id=grant.user_id,
        user_name=grant.user_name,
        purpose=grant.purpose,
        purpose_text=grant.purpose_text,
        case=grant.case,
        cameras=tuple(sorted(grant.cameras)),
        from_us=grant.from_us,
        to_us=grant.to_us,
        actions=tuple(sorted(grant.actions)),
        issued_us=grant.issued_us,
        expires_us=grant.expires_us,
        masked=grant.masked,
        approver=grant.approver,
        policy_version=grant.policy_version,
        originals=grant.originals,
    )
    return msgspec.json.encode(words, order="sorted")


def grant_facts(grant: Grant) -> dict[str, object]:
    """Facts of the log entry `grant.issued` that makes this grant usable; `sign_grant` refuses any other."""
    return {
        "grant": grant.id,
        "grant_sha256": hashlib.sha256(grant_words(grant)).hexdigest(),
        "purpose": grant.purpose,
        "case": grant.case,
        "cameras": sorted(grant.cameras),
        "actions": sorted(grant.actions),
        "from_us": grant.from_us,
        "to_us": grant.to_us,
        "expires_us": grant.expires_us,
        "masked": grant.masked,
        "approver": grant.approver,
        "policy_version": grant.policy_version,
        **({"originals": True} if grant.originals else {}),
    }


def sign_grant(grant: Grant, key: Ed25519PrivateKey, log_proof: LogProof) -> bytes:
    """`grant` as the hub's signed words. `log_proof` is of the entry with `grant_facts(grant)`, else ValueError."""
    words = grant_words(grant)
    if not _names(log_proof.record, words):
        raise ValueError(f"the log proof is not of the entry that issued {grant.id}")
    wire = msgspec.json.encode(
        _Wire(
            format=FORMAT,
            grant=msgspec.Raw(words),
            signature=key.sign(_PREFIX + words),
            log=_Log(
                index=log_proof.index,
                salt=log_proof.salt,
                record=log_proof.record.decode(),
                path=log_proof.path,
                checkpoint=log_proof.checkpoint.decode(),
            ),
        )
    )
    if len(wire) > MAX_WIRE_BYTES:
        raise ValueError(f"a grant over {len(grant.cameras)} cameras is longer than {MAX_WIRE_BYTES} bytes")
    return wire


def _names(record: bytes, words: bytes) -> bool:
    """Whether a log record is the issue of the grant with these words."""
    try:
        found = msgspec.json.decode(record, type=_Record)
    except msgspec.DecodeError:
        return False
    return found.kind == GRANT_ISSUED and found.facts.grant_sha256 == hashlib.sha256(words).hexdigest()


@dataclass(frozen=True, slots=True)
class LogMark:
    """How far the hub's log was seen to reach, and when the newest grant seen was issued."""

    size: int
    issued_us: int


class GrantOpener:
    """Opens the hub's signed words into a `Grant`, at a site that knows nothing but the hub's public key.

    It remembers how far the log reached (`mark`, which a site may keep and pass in again), and refuses a hub whose log
    goes back or forks. Not thread-safe: one opener for one event loop.
    """

    def __init__(self, public_key: bytes, clock: Clock, mark: LogMark | None = None) -> None:
        self._public_key = public_key
        self._verifier = Ed25519PublicKey.from_public_bytes(public_key)
        self._clock = clock
        self.mark = mark or LogMark(0, 0)
        # Invariant: one root for one size, of checkpoints that the hub signed; the smallest are forgotten first.
        self._roots: dict[int, bytes] = {}
        # Invariant: only grants that passed every check; least recently used first.
        self._open: OrderedDict[bytes, Grant] = OrderedDict()

    def open(self, wire: bytes) -> Grant:
        """The grant in `wire`. Raises GrantForged, GrantUnlogged, LogForked, or Refused when it has expired."""
        if len(wire) > MAX_WIRE_BYTES:
            raise GrantForged(f"A grant is no longer than {MAX_WIRE_BYTES} bytes.", advice=_ASK_AGAIN)
        name = hashlib.sha256(wire).digest()
        grant = self._open.get(name)
        if grant is None:
            grant = self._read(wire)
            self._open[name] = grant
            if len(self._open) > _CACHED:
                self._open.popitem(last=False)
        self._open.move_to_end(name)
        if self._clock.now_us() >= grant.expires_us:
            raise Refused(f"This access ended at {iso(grant.expires_us)}.", advice=_ASK_AGAIN)
        return grant

    def _read(self, wire: bytes) -> Grant:
        try:
            sealed = msgspec.json.decode(wire, type=_Wire)
            words = bytes(sealed.grant)
            self._verifier.verify(sealed.signature, _PREFIX + words)
            fields = msgspec.structs.asdict(msgspec.json.decode(words, type=_Words))
            fields["cameras"], fields["actions"] = frozenset(fields["cameras"]), frozenset(fields["actions"])
            grant = Grant(**fields, mint=MINT)
        except (msgspec.DecodeError, InvalidSignature, ValueError) as error:
            raise GrantForged("This access was not signed by the hub, or was changed.", advice=_ASK_AGAIN) from error
        if sealed.format != FORMAT:
            raise GrantForged(f"This access has format {sealed.format}.", advice="Update the site's software.")
        proof = LogProof(
            index=sealed.log.index,
            salt=sealed.log.salt,
            record=sealed.log.record.encode(),
            path=sealed.log.path,
            checkpoint=sealed.log.checkpoint.encode(),
        )
        try:
            checkpoint = proof.verify(self._public_key)
        except BadNote as error:
            raise GrantUnlogged(
                f"This access is not shown to be in the hub's log. {error.message}", advice=_ASK_AGAIN
            ) from error
        if not _names(proof.record, words):
            raise GrantUnlogged("The log entry given is not that of this access.", advice=_ASK_AGAIN)
        self._follow(checkpoint, grant.issued_us)
        return grant

    def _follow(self, checkpoint: Checkpoint, issued_us: int) -> None:
        """Remember how far the log reaches. A grant issued after another can't stand under a smaller tree."""
        if checkpoint.size < self.mark.size and issued_us > self.mark.issued_us:
            raise LogForked(
                f"The hub's log went back from {self.mark.size} to {checkpoint.size} entries.", advice=_TELL
            )
        known = self._roots.setdefault(checkpoint.size, checkpoint.root)
        if known != checkpoint.root:
            raise LogForked(f"The hub shows two logs of {checkpoint.size} entries.", advice=_TELL)
        if len(self._roots) > _ROOTS:
            del self._roots[min(self._roots)]
        self.mark = LogMark(max(self.mark.size, checkpoint.size), max(self.mark.issued_us, issued_us))


def open_signed(wire: bytes, public_key: bytes, clock: Clock) -> Grant:
    """Open one signed grant without a memory of the log. A site keeps a `GrantOpener` instead."""
    return GrantOpener(public_key, clock).open(wire)
