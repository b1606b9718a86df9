"""What the search room takes and tells. Kinds and colours are numbers of `media.objects`; times are microseconds UTC."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from belvedere.hub.fleet.away import AwayOut
from belvedere.link.seeing import Wanted
from belvedere.media.objects import ObjectColour, ObjectKind

MOST_CAMERAS = 64
_Share = Annotated[float, Field(ge=0.0, le=1.0)]
_Polygon = Annotated[tuple[tuple[_Share, _Share], ...], Field(min_length=3, max_length=64)]
_Name = Annotated[str, Field(max_length=64)]
_Moment = Annotated[int, Field(ge=0, lt=1 << 53)]
_Minute = Annotated[int, Field(ge=0, le=1440)]


class FacetsIn(BaseModel):
    """What is looked for, where and when; what is left out does not narrow.

    `cameras` empty: all that the grant opens. `zones`: polygons in shares of a camera's picture, in which it stood. Minutes of the
    day are the estate's and may pass midnight. `headings`: eighths of a turn in the picture, 0 up, clockwise.
    """

    kinds: Annotated[list[ObjectKind], Field(max_length=16)] = []
    colours: Annotated[list[ObjectColour], Field(max_length=16)] = []
    clothing: Annotated[list[ObjectColour], Field(max_length=16)] = []
    together: Annotated[list[ObjectKind], Field(max_length=16)] = []
    at_least: Annotated[int, Field(ge=1, le=100)] = 1
    least_height: _Share = 0.0
    most_height: _Share = 1.0
    least_confidence: _Share = 0.0
    least_duration_us: Annotated[int, Field(ge=0, lt=1 << 53)] = 0
    headings: Annotated[list[Annotated[int, Field(ge=0, le=7)]], Field(max_length=8)] = []
    cameras: Annotated[list[_Name], Field(max_length=MOST_CAMERAS)] = []
    zones: Annotated[dict[_Name, _Polygon], Field(max_length=MOST_CAMERAS)] = {}
    from_us: _Moment | None = None
    to_us: _Moment | None = None
    from_minute: _Minute | None = None
    to_minute: _Minute | None = None

    @model_validator(mode="after")
    def _whole(self) -> "FacetsIn":
        if (self.from_minute is None) != (self.to_minute is None):
            raise ValueError("give both minutes of the day, or neither")
        if self.least_height > self.most_height:
            raise ValueError("the least height is above the most")
        return self

    def wanted(self, zone: str) -> Wanted:
        """As the sites are asked."""
        return Wanted(
            kinds=tuple(int(each) for each in self.kinds),
            colours=tuple(int(each) for each in self.colours),
            clothing=tuple(int(each) for each in self.clothing),
            least_confidence=self.least_confidence,
            least_height=self.least_height,
            most_height=self.most_height,
            from_minute=None if self.from_minute is None else self.from_minute % 1440,
            to_minute=self.to_minute,
            zone_name=zone,
            headings=tuple(self.headings),
            together=tuple(int(each) for each in self.together),
            at_least=self.at_least,
            least_duration_us=self.least_duration_us,
        )


class SearchIn(BaseModel):
    """A search. `words`: what the person typed, for the log. `next` goes on with a list. `look`: analyse what nobody has."""

    grant: _Name
    words: Annotated[str, Field(max_length=300)] = ""
    facets: FacetsIn = FacetsIn()
    order: Literal["newest", "oldest", "best"] = "best"
    limit: Annotated[int, Field(ge=1, le=200)] = 60
    next: Annotated[str, Field(max_length=8000)] = ""
    look: bool = False


class CountsIn(BaseModel):
    """Counts of a search by camera and time step."""

    grant: _Name
    words: Annotated[str, Field(max_length=300)] = ""
    facets: FacetsIn = FacetsIn()
    steps: Annotated[int, Field(ge=1, le=200)] = 96


class ChipOut(BaseModel):
    """One thing understood: [start, end) of the question said so. `other_*`: the hour read the other way."""

    field: str
    text: str
    words: str
    start: int
    end: int
    other_text: str = ""
    other_from_us: int | None = None
    other_to_us: int | None = None


class UnreadOut(BaseModel):
    text: str
    start: int
    end: int


class UnderstoodOut(BaseModel):
    """A question read. `refusal`: why it is not searched for, "" where it is."""

    words: str
    facets: FacetsIn
    chips: list[ChipOut]
    unread: list[UnreadOut]
    notes: list[str]
    refusal: str
    refused_words: str
    clothing: str = Field(
        description="Whether colours of clothing may be searched for here, in words; empty: asked for none."
    )


class EventOut(BaseModel):
    """An object's presence in a camera's picture. `box`: left, top, right, bottom in shares. `sure`: confidence in words."""

    camera: str
    id: int
    stream: str
    kind: int
    kind_text: str
    colour: str
    start_us: int
    end_us: int
    best_us: int
    confidence: float
    sure: str
    box: tuple[float, float, float, float]
    heading: int
    detail: int
    model: str
    why: str


class CoveredOut(BaseModel):
    """Seconds of a camera's recordings in the span: looked at, quiet (so nobody needed to), waiting."""

    camera: str
    recorded_s: int
    looked_s: int
    quiet_s: int
    waiting_s: int


class SiteSeeing(BaseModel):
    """How analysis stands at a site: off, no_model, starting, running, failed, unknown; `text` says what to do."""

    site: str
    name: str
    state: str
    text: str


class SearchOut(BaseModel):
    """One page of events. `cut`: how the grant narrowed the question. `text`: what was searched and how surely."""

    from_us: int
    to_us: int
    cameras: list[str]
    cut: list[str]
    events: list[EventOut]
    covered: list[CoveredOut]
    away: list[AwayOut]
    next: str
    text: str
    sites: list[SiteSeeing] = Field(description="On the first page only.")


class CameraCounts(BaseModel):
    camera: str
    counts: list[int]


class CountsOut(BaseModel):
    """Events that begin in each step of [from_us, to_us)."""

    from_us: int
    to_us: int
    step_us: int
    cameras: list[CameraCounts]
    away: list[AwayOut]
