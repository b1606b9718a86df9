"""Messages about objects in footage. Rows and masked thumbnails travel, footage does not. All of it needs a grant, like footage.

Times are microseconds UTC; kinds and colours are numbers of `media.objects`; places in a picture are shares of its width and
height; confidence is 0 to 1.
"""

from typing import Annotated

import msgspec

from belvedere.link.messages import Reply, Request

MOST_CAMERAS = 64
MOST_EVENTS = 500
_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Kinds = Annotated[tuple[int, ...], msgspec.Meta(max_length=16)]
_Colours = Annotated[tuple[int, ...], msgspec.Meta(max_length=16)]
Polygon = Annotated[tuple[tuple[_Share, _Share], ...], msgspec.Meta(min_length=3, max_length=64)]


class SearchIn(msgspec.Struct, frozen=True):
    """One camera of a search; with a `zone`, only what stood in it (its foot) counts."""

    camera: str
    zone: Polygon | None = None


class Wanted(msgspec.Struct, frozen=True):
    """What is looked for; empty tuples and None mean any.

    `colours` are a vehicle's body; `clothing` colours of people (upper or lower), which need SEARCH, not PLAYBACK alone.
    Heights are shares of the picture's. Minutes of the day are local to the site (`zone_name`, IANA) and may pass midnight.
    `headings`: eighths of a turn in the picture, 0 up, clockwise. `together`: only when an object of one of these kinds was
    seen by the same camera at the same time. `at_least`: so many of the kinds at once.
    """

    kinds: _Kinds = ()
    colours: _Colours = ()
    clothing: _Colours = ()
    least_confidence: float = 0.0
    least_height: float = 0.0
    most_height: float = 1.0
    from_minute: int | None = None
    to_minute: int | None = None
    zone_name: str = "Europe/London"
    headings: tuple[int, ...] = ()
    together: _Kinds = ()
    at_least: int = 1
    least_duration_us: int = 0


class FindEvents(Request, frozen=True, tag="find_events"):
    """Events in [from_us, to_us), newest, oldest or best first (`order`); answered with `Events`. Needs PLAYBACK.

    `before` is the cursor of the answer before, "" for the first. `look`: analyse what nobody has looked at, busiest
    stretches first, as far as that goes within some seconds of work.
    """

    grant: bytes
    cameras: Annotated[tuple[SearchIn, ...], msgspec.Meta(min_length=1, max_length=MOST_CAMERAS)]
    from_us: int
    to_us: int
    wanted: Wanted
    order: str = "newest"
    limit: int = 50
    before: str = ""
    look: bool = False


class CountEvents(Request, frozen=True, tag="count_events"):
    """How many events begin in each `step_us` of [from_us, to_us), by camera; answered with `EventCounts`. Needs PLAYBACK."""

    grant: bytes
    cameras: Annotated[tuple[SearchIn, ...], msgspec.Meta(min_length=1, max_length=MOST_CAMERAS)]
    from_us: int
    to_us: int
    wanted: Wanted
    step_us: int


class GetThumbnail(Request, frozen=True, tag="get_thumbnail"):
    """One event's picture, masked and cut out around it; answered with `Thumbnail`. Needs PLAYBACK over the event."""

    grant: bytes
    camera: str
    event: int
    width: int = 320


class GetSeeing(Request, frozen=True, tag="get_seeing"):
    """How analysis stands at the site; answered with `Seeing`. Carries no footage, needs no grant."""


class AnalyseSpan(Request, frozen=True, tag="analyse_span"):
    """Analyse a camera's recordings of [from_us, to_us) in the background; answered with `Answer`. Needs ANALYSE or PLAYBACK.

    `detail` 1: keyframes of active seconds; 2: every `1/fps` s of all footage, tracked. Asking again changes nothing.
    """

    grant: bytes
    job: str
    camera: str
    from_us: int
    to_us: int
    detail: int = 1
    fps: float = 2.0


class GetAnalysis(Request, frozen=True, tag="get_analysis"):
    """How far the spans of a job are; answered with `Analysis`. Needs no grant: numbers of seconds only."""

    job: str


class EndAnalysis(Request, frozen=True, tag="end_analysis"):
    """Stop a job's work; what it found stays. `pause`: keep its place. Answered with `Answer`."""

    job: str
    pause: bool = False


class PutAnalysisGrant(Request, frozen=True, tag="put_analysis_grant"):
    """The site's own standing grant of action ANALYSE, signed like any other; b"" takes it away. Answered with `Answer`.

    Kept over restarts, and used for nothing but footage that the site's confined process looks at.
    """

    grant: bytes


class Event(msgspec.Struct, frozen=True):
    """An object's presence in one camera's picture, from the first to the last keyframe that showed it.

    `id` is the site's own. `best_us` is the moment of its clearest sight, `box` (left, top, right, bottom) its place then.
    `why`: what of the question it meets, in words. `detail` as in AnalyseSpan. `heading` in eighths, -1 unknown.
    """

    id: int
    camera: str
    stream: str
    kind: int
    upper: int
    lower: int
    start_us: int
    end_us: int
    best_us: int
    confidence: float
    box: tuple[float, float, float, float]
    sightings: int
    heading: int
    detail: int
    model: str
    why: str = ""


class Covered(msgspec.Struct, frozen=True):
    """How much of a camera's part of the question was looked at, in seconds. `quiet`: nothing moved, so nobody needed to look."""

    camera: str
    recorded_s: int
    looked_s: int
    quiet_s: int
    waiting_s: int


class Events(Reply, frozen=True, tag="events"):
    """`next` continues the list ("" at its end). `text`: what was searched and how surely, in words."""

    events: tuple[Event, ...]
    covered: tuple[Covered, ...]
    next: str
    text: str


class EventCounts(Reply, frozen=True, tag="event_counts"):
    """`counts` of each camera in the question's order, one number a step."""

    from_us: int
    step_us: int
    counts: tuple[tuple[int, ...], ...]


class Thumbnail(Reply, frozen=True, tag="thumbnail"):
    """A JPEG in which heads, and whatever else the camera masks, are hidden. `taken_us` is the keyframe's time."""

    jpeg: bytes
    width: int
    height: int
    taken_us: int


class SeenCamera(msgspec.Struct, frozen=True):
    """One camera's analysis. `newest_us`: footage up to here is looked at; `waiting_s` of recordings wait.

    `away`: days (since 1970, UTC) that the site's own grant opens and whose key is not here.
    """

    camera: str
    state: str
    newest_us: int
    waiting_s: int
    ms_a_picture: float
    away: tuple[int, ...] = ()


class SeeingCounts(msgspec.Struct, frozen=True):
    """Since the site's start. `missed`: passing pictures there was no time for. `cpu_us`: processor time spent on looking."""

    pictures: int = 0
    failed: int = 0
    missed: int = 0
    crowded: int = 0
    restarts: int = 0
    cpu_us: int = 0


class Seeing(Reply, frozen=True, tag="seeing"):
    """`state`: off, no_model, starting, running, or failed; `text` says what to do. `provider`: what computes, and how fast."""

    state: str
    text: str
    model: str
    provider: str
    ms_a_picture: float
    cameras: tuple[SeenCamera, ...]
    counts: SeeingCounts = SeeingCounts()


class Analysis(Reply, frozen=True, tag="analysis"):
    """`state`: waiting, running, paused, done or failed. Seconds of footage: `done_s` of `wanted_s`; `left_s` of work or -1."""

    job: str
    state: str
    wanted_s: int
    done_s: int
    left_s: int
    found: int
    text: str


REQUESTS = (FindEvents, CountEvents, GetThumbnail, GetSeeing, AnalyseSpan, GetAnalysis, EndAnalysis, PutAnalysisGrant)
REPLIES = (Events, EventCounts, Thumbnail, Seeing, Analysis)
