"""That a grant has ended before its time, in the hub's signed words: what a site goes by, whoever brings it.

    {"grant": ID, "expires_us": N, "signature": B64}

The signature covers `ID expires_us` behind a fixed prefix, so that it can't pass for a grant or a checkpoint.
"""

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from belvedere.policy.signed import GrantForged

MAX_ENDING_BYTES = 1024
_PREFIX = b"belvedere grant ended 1\n"


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An ended grant. After `expires_us` nobody has to remember it: the grant is over by itself."""

    grant: str
    expires_us: int
    signature: bytes


def _words(grant_id: str, expires_us: int) -> bytes:
    return _PREFIX + f"{grant_id} {expires_us}".encode()


def sign_ending(grant_id: str, expires_us: int, key: Ed25519PrivateKey) -> bytes:
    """The end of a grant, as the hub says it."""
    return msgspec.json.encode(Ending(grant_id, expires_us, key.sign(_words(grant_id, expires_us))))


def open_ending(wire: bytes, public_key: bytes) -> Ending:
    """What `sign_ending` made. Raises GrantForged for anything else."""
    try:
        if len(wire) > MAX_ENDING_BYTES:
            raise ValueError("too long")
        ending = msgspec.json.decode(wire, type=Ending)
        words = _words(ending.grant, ending.expires_us)
        Ed25519PublicKey.from_public_bytes(public_key).verify(ending.signature, words)
    except (msgspec.DecodeError, InvalidSignature, ValueError) as error:
        raise GrantForged(
            "This end of an access was not signed by the hub.", advice="Look at the hub's log."
        ) from error
    return ending
