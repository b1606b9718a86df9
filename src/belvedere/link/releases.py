"""What hub and site say about updates of the site's software. The hub names a release; the site decides whether it takes it."""

import msgspec

from belvedere.link.messages import Reply, Request
from belvedere.link.release import SignedManifest

PIECE_BYTES = 128 << 10  # of a file, in one answer over HTTPS

# Phases of a site's update. FETCHING to TRIAL go on by themselves, also after a restart; the others are an end.
IDLE, FETCHING, BUILDING, SWITCHING, TRIAL = "idle", "fetching", "building", "switching", "trial"
HEALTHY, REFUSED, FAILED, ROLLED_BACK = "healthy", "refused", "failed", "rolled_back"
UNDER_WAY = frozenset({FETCHING, BUILDING, SWITCHING, TRIAL})


class OrderRelease(Request, frozen=True, tag="order_release"):
    """Update to this release, fetched from `/link/release`; answered with `ReleaseState`.

    `night`: fetch in the other hours of the line's limits only, where it has any. The
    same order said again changes nothing. A site refuses what none of its own release keys signed.
    """

    rollout: str
    manifest: SignedManifest
    night: bool = False


class ForgetRelease(Request, frozen=True, tag="forget_release"):
    """Do not begin what this roll-out ordered; answered with `ReleaseState`. Once the site has switched it is too late."""

    rollout: str


class GetReleaseState(Request, frozen=True, tag="get_release_state"):
    """How the site's software stands; answered with `ReleaseState`. Carries no picture, needs no grant."""


class ReleaseState(Reply, frozen=True, tag="release_state"):
    """`running`: the version. `unable`: why this box can't be updated over the line, "" where it can.

    The rest is about the last order: `version` its version, "" before there was one; `why` it ended as it did.
    """

    running: str
    unable: str = ""
    rollout: str = ""
    version: str = ""
    phase: str = IDLE
    have_bytes: int = 0
    all_bytes: int = 0
    why: str = ""


class WantPiece(msgspec.Struct, frozen=True):
    """Body of `POST /link/release`: PIECE_BYTES at most of file `file` (its place in the manifest) from byte `start`."""

    version: str
    file: int
    start: int


REQUESTS = (OrderRelease, ForgetRelease, GetReleaseState)
REPLIES = (ReleaseState,)
