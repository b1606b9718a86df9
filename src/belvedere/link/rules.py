"""Messages about live rules: what a site watches for, what it raised, and what it would have raised. No footage travels.

Times are microseconds UTC; kinds are numbers of `media.objects`; places are shares of the picture's width and height.
"""

from typing import Annotated

import msgspec

from belvedere.link.messages import Reply, Request

LINE, ZONE, DWELL, CROWD = "line", "zone", "dwell", "crowd"
WRONG_WAY, LEFT, COURT, TAMPER = "wrong_way", "left", "court", "tamper"
KINDS = (LINE, ZONE, DWELL, CROWD, WRONG_WAY, LEFT, COURT, TAMPER)
HINTS = ("black", "frozen", "blurred", "moved")  # of a tamper rule: what the health of a picture tells

MOST_RULES = 512
MOST_ALARMS = 200
_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Corner = tuple[_Share, _Share]
_Line = Annotated[tuple[_Corner, ...], msgspec.Meta(max_length=2)]
_Polygon = Annotated[tuple[_Corner, ...], msgspec.Meta(max_length=64)]


class Window(msgspec.Struct, frozen=True):
    """Hours in which a rule watches, local to the site. Days 0 (Monday) to 6, of its beginning; it may pass midnight.

    From and to alike: the whole day.
    """

    days: Annotated[tuple[int, ...], msgspec.Meta(max_length=7)]
    from_minute: Annotated[int, msgspec.Meta(ge=0, lt=1440)]
    to_minute: Annotated[int, msgspec.Meta(ge=0, lt=1440)]


class LiveRule(msgspec.Struct, frozen=True):
    """One rule of one camera. `kind` is one of KINDS; `objects`: kinds of objects it minds, empty: any.

    `line`: two points; walking from the first to the second, `direction` 1 minds who comes from the left, -1 from the right,
    0 both. `zone`: corners, empty: the whole picture. Of a wrong way `direction` is the way that is right, in eighths.
    `seconds`: how long somebody dwells, a crowd holds or a thing lies. `count`: how many are a crowd. `hints`: of a tamper rule.
    `windows`: when it watches, empty: always. Until `shadow_until_us` it only counts. Past `review_us` (0: none) it only counts.
    """

    id: str
    version: int
    camera: str
    kind: str
    objects: Annotated[tuple[int, ...], msgspec.Meta(max_length=8)] = ()
    least_confidence: _Share = 0.0
    line: _Line = ()
    zone: _Polygon = ()
    direction: int = 0
    seconds: float = 0.0
    count: int = 1
    hints: Annotated[tuple[str, ...], msgspec.Meta(max_length=4)] = ()
    windows: Annotated[tuple[Window, ...], msgspec.Meta(max_length=14)] = ()
    zone_name: str = "Europe/London"
    cool_down_s: float = 60.0
    shadow_until_us: int = 0
    review_us: int = 0


class PutRules(Request, frozen=True, tag="put_rules"):
    """All rules of a site's cameras; answered with `Answer`. `version` counts up at the hub; an older one is refused."""

    version: int
    rules: Annotated[tuple[LiveRule, ...], msgspec.Meta(max_length=MOST_RULES)]


class GetRules(Request, frozen=True, tag="get_rules"):
    """What the site holds, counted and raised beyond alarm number `after`; answered with `RulesHeld`. Needs no grant."""

    after: int = 0


class RuleCount(msgspec.Struct, frozen=True):
    """One rule version's day (days since 1970, UTC). `raised` went out; `shadow` would have; `muted`: within the cool-down."""

    rule: str
    version: int
    day: int
    raised: int
    shadow: int
    muted: int


class Alarm(msgspec.Struct, frozen=True):
    """Something that a rule raised. `number` counts at its site, `id` is unique. `object`: a kind, 0 of none.

    `start_us`: since when, `time_us`: when the rule was sure. `box`: left, top, right, bottom, where it was then.
    """

    number: int
    id: str
    rule: str
    version: int
    camera: str
    kind: str
    object: int
    start_us: int
    time_us: int
    confidence: float
    box: tuple[float, float, float, float]
    words: str


class Watched(msgspec.Struct, frozen=True):
    """A camera with rules. `newest_us`: the picture that was looked at last, 0 for none yet; `a_second`: pictures of late."""

    camera: str
    newest_us: int
    a_second: float


class RulesHeld(Reply, frozen=True, tag="rules_held"):
    """`version`: of the rules that hold. `alarms` beyond the number asked for, oldest first, MOST_ALARMS at most."""

    version: int
    counts: tuple[RuleCount, ...]
    alarms: tuple[Alarm, ...]
    cameras: tuple[Watched, ...]
    newest: int = 0


REQUESTS = (PutRules, GetRules)
REPLIES = (RulesHeld,)
