"""Keys that holds need: days that the site has forgotten, and of which a hold is about to keep some seconds for longer.

The hub releases such a key for that one act, under holds of its own, behind a log entry. It travels sealed for the site's
running process, inside words that the hub signed.
"""

import msgspec

from belvedere.foundation.errors import BadInput
from belvedere.link.custody import SealedCopy, SignedWords
from belvedere.link.messages import Reply, Request


class AskHeldDays(Request, frozen=True, tag="ask_held_days"):
    """Which forgotten camera-days wait for their key so that held footage can be kept; answered with `HeldDays`."""


class ReleaseForHolds(Request, frozen=True, tag="release_for_holds"):
    """Keys of camera-days, for holds alone; answered with `Answer`. `signed`: a `HeldRelease`."""

    signed: SignedWords


class HeldDay(msgspec.Struct, frozen=True):
    """A camera-day whose key is needed; the held footage that it seals lies within [from_us, to_us)."""

    camera: str
    day: int
    from_us: int
    to_us: int
    copies: tuple[SealedCopy, ...]


class HeldDays(Reply, frozen=True, tag="held_days"):
    """`release_key`: X25519 public key of the running process. At most `custody.PAGE` days at once."""

    box: str
    days: tuple[HeldDay, ...]
    release_key: bytes


class HeldRelease(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="held_release"):
    """What the hub signs. Days: (camera, day, sealed key)."""

    box: str
    days: tuple[tuple[str, int, bytes], ...]


REQUESTS = (AskHeldDays, ReleaseForHolds)
REPLIES = (HeldDays,)


def held_release_info(box: str, camera: str, day: int) -> bytes:
    """What a key released for holds is bound to."""
    return f"belvedere key release for holds 1\n{box}\n{camera}\n{day}\n".encode()


def write_release(words: HeldRelease) -> bytes:
    return msgspec.msgpack.encode(words)


def read_release(words: bytes) -> HeldRelease:
    """Raises BadInput."""
    try:
        return msgspec.msgpack.decode(words, type=HeldRelease)
    except msgspec.MsgspecError as error:
        raise BadInput(
            f"The hub's words about held keys make no sense: {error}.", advice="Run the same version on hub and site."
        ) from error
