"""A Grant: the only thing that opens footage (security research 2.3; DESIGN section 7).

Three ways make one, all in this package: `decision.decide` for a person and `standing.decide_standing` for a site's analysis
(at the hub), and `signed.open_signed` (at the site, from the hub's signed words). Media readers take a `Grant`, never a
user, so that an unauthorised read can't be written by mistake.
"""

from enum import StrEnum

import msgspec

from belvedere.foundation.clock import iso
from belvedere.foundation.errors import Refused


class Action(StrEnum):
    """What a grant can allow."""

    __hash__ = str.__hash__  # equal words hash alike, and sets of them are looked up in C

    LIVE = "live"
    PLAYBACK = "playback"
    SEARCH = "search"  # find recordings by what they show
    STILL = "still"  # keep one picture
    EXPORT = "export"
    PTZ = "ptz"  # move the camera
    UNMASK = "unmask"  # the main stream, with people and privacy zones shown
    # Have footage looked at by machine for objects; no picture leaves the site's confined process.
    ANALYSE = "analyse"


RECORDED = frozenset({Action.PLAYBACK, Action.SEARCH, Action.EXPORT, Action.ANALYSE})
_OF_NOW = frozenset({Action.LIVE, Action.PTZ})


class _Mint:
    """Only this package holds the instance below; a Grant without it can't be made."""


MINT = _Mint()


class Grant(msgspec.Struct, frozen=True, gc=False):
    """Who may do what on which cameras, for which footage, until when, and why.

    A struct, because one is made at every decision: eighteen fields cost a third of what a dataclass takes.
    """

    id: str
    user_id: str
    user_name: str
    purpose: str  # code of the purpose, such as "duty"
    purpose_text: str  # as shown on the grant chip
    case: str  # reference of the case, "" for a duty grant
    cameras: frozenset[str]
    # Invariant: from_us < to_us. Footage before from_us or after to_us stays shut; live needs now within it.
    from_us: int
    to_us: int
    actions: frozenset[Action]
    issued_us: int
    expires_us: int
    masked: bool
    approver: str  # user id, "" where the action table asks for none
    policy_version: str
    mint: _Mint
    # The data protection officer approved it: originals of cameras with permanent masks may leave.
    originals: bool = False

    def __post_init__(self) -> None:
        if self.mint is not MINT:
            raise TypeError("a Grant is made by policy.decide, policy.decide_standing or policy.open_signed only")
        if not self.from_us < self.to_us:
            raise ValueError("a grant needs a span of footage")

    def __repr__(self) -> str:
        said = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "mint")
        return f"Grant({', '.join(said)})"

    def require(
        self,
        action: Action,
        camera: str,
        *,
        now_us: int,
        start_us: int | None = None,
        end_us: int | None = None,
    ) -> None:
        """Return if this grant allows `action` on `camera` for footage [start_us, end_us); raise Refused saying why not.

        Live pictures are footage of now: leave start_us and end_us out.
        """
        if now_us >= self.expires_us:
            raise Refused(f"This access ended at {iso(self.expires_us)}.", advice="Ask for it again.")
        if now_us < self.issued_us - 120_000_000:
            raise Refused(
                "This access is dated in the future: a clock is wrong.",
                advice="Check the clocks of hub and site.",
            )
        if action not in self.actions:
            raise Refused(f"This access does not allow {action}.", advice="Ask for access that does.")
        if camera not in self.cameras:
            raise Refused(f"This access does not cover camera {camera}.", advice="Ask for access that does.")
        start = now_us if start_us is None else start_us
        end = now_us if end_us is None else end_us
        # Beside recordings the span is theirs: live pictures then run until the grant ends.
        runs_on = action in _OF_NOW and end_us is None and not RECORDED.isdisjoint(self.actions)
        if start < self.from_us or (end > self.to_us and not runs_on):
            raise Refused(f"This access covers {iso(self.from_us)} to {iso(self.to_us)}.", advice="Ask for more time.")
