"""Approvals as JSON."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from belvedere.hub.approvals.ask import State
from belvedere.hub.approvals.glass import GlassState
from belvedere.policy.grant import Action

MOST_CAMERAS = 500
_Id = Annotated[str, Field(max_length=64)]
_CameraId = Annotated[str, Field(max_length=48)]
_Us = Annotated[int, Field(ge=0, lt=1 << 53, description="Microseconds, UTC.")]
_Words = Annotated[str, Field(max_length=2_000)]
_Digest = Annotated[str, Field(max_length=64, description="The request's `ask_sha256` as it was shown.")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlaceIn(_In):
    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-90, le=90)]


class RequestIn(_In):
    """`lasts_us`: how long the access is to stay open once given. `to_us` may lie ahead, for live pictures."""

    purpose: _Id
    case: Annotated[str, Field(max_length=64)] = ""
    cameras: Annotated[list[_CameraId], Field(min_length=1, max_length=MOST_CAMERAS)]
    from_us: _Us
    to_us: _Us
    actions: Annotated[list[Action], Field(min_length=1, max_length=20)]
    lasts_us: Annotated[int, Field(gt=0, lt=1 << 53)]
    reason: _Words
    recipient: Annotated[str, Field(max_length=200, description="Who gets what is exported.")] = ""
    renews: Annotated[str, Field(max_length=64, description="Id of one's grant that this asks more time for.")] = ""
    place: PlaceIn | None = Field(None, description="Where it happened, if known.")


class ApproveIn(_In):
    """What is left out is approved as asked; what is there narrows it."""

    ask_sha256: _Digest
    reason: _Words = ""
    cameras: Annotated[list[_CameraId], Field(min_length=1, max_length=MOST_CAMERAS)] | None = None
    from_us: _Us | None = None
    to_us: _Us | None = None
    actions: Annotated[list[Action], Field(min_length=1, max_length=20)] | None = None
    lasts_us: Annotated[int, Field(gt=0, lt=1 << 53)] | None = None


class RefuseIn(_In):
    ask_sha256: _Digest
    reason: _Words


class AskOut(BaseModel):
    purpose: str
    case: str
    cameras: list[str]
    from_us: int
    to_us: int
    actions: list[Action]
    lasts_us: int
    reason: str
    recipient: str
    renews: str


class ExposureOut(BaseModel):
    """About how many times somebody passes one of the cameras: between `low` and `high`, null where nothing is known."""

    low: int | None
    high: int | None
    text: str = Field(description="The estimate in words.")
    method: str = Field(description="How it was made, and why it is no better than it is.")


class CameraMovementOut(BaseModel):
    id: str
    moved: Literal["yes", "no", "unknown"]
    moved_s: int = Field(description="Seconds with movement, in whole minutes.")


class SuggestionOut(BaseModel):
    """A ready narrower ask: send its fields with `approve`."""

    id: str
    text: str
    cameras: list[str]
    from_us: int
    to_us: int
    actions: list[Action]
    lasts_us: int
    camera_hours: float
    exposure: ExposureOut


class WeighingOut(BaseModel):
    camera_hours: float
    exposure: ExposureOut
    cameras: list[CameraMovementOut]
    suggestions: list[SuggestionOut]


class ApproverOut(BaseModel):
    id: str
    name: str
    team: str
    on_call: bool
    here: bool = Field(description="Signed in now.")


class RequestOut(BaseModel):
    id: str
    account: str
    user_name: str
    team: str
    roles: list[str]
    purpose_text: str
    ask: AskOut
    place: PlaceIn | None
    in_case: list[str] = Field(description="Which of the cameras are in the case.")
    ask_sha256: str
    state: State
    rule: str
    asked_us: int
    lapses_us: int
    camera_hours: float
    weighing: WeighingOut | None = Field(description="null while it is worked out; `changes` tells when it is there.")
    approvers: list[ApproverOut] = Field(description="Who may decide now; those here and on call first.")
    approvers_text: str = Field(description="The same in a sentence, for the person who asks.")
    mine: bool
    may_decide: bool
    why_not: str = Field(description="Why the person who looks can't decide, empty where they can.")
    decided_us: int | None
    decider: str
    words: str
    given: AskOut | None = Field(description="What was approved, null unless it was.")
    grant: str = Field(description="Id of the grant; empty while `state` is approved means: call `take`.")


class RequestList(BaseModel):
    now_us: int
    seq: int = Field(description="Hand it to `changes` as `since`.")
    requests: list[RequestOut]
    next: str = Field(
        description="Hand it in as `before` for older ones; empty at the end. Of `waiting` the oldest 100 are shown."
    )


class ChangesOut(BaseModel):
    seq: int
    changed: bool
    requests: list[str] = Field(
        description="Ids of requests that changed, newest last; empty with `changed`: read all."
    )


class ApproverList(BaseModel):
    approvers: list[ApproverOut]
    text: str


class TurnOut(BaseModel):
    account: str
    name: str
    from_us: int
    to_us: int


class PersonOut(BaseModel):
    id: str
    name: str


class OnCallOut(BaseModel):
    turns: list[TurnOut]
    people: list[PersonOut] = Field(description="Who may be put on the roster.")


class TurnIn(_In):
    account: _Id
    from_us: _Us
    to_us: _Us


class OnCallIn(_In):
    turns: Annotated[list[TurnIn], Field(max_length=500)]


class GlassIn(_In):
    code: Annotated[str, Field(max_length=32)]
    words: _Words
    cameras: Annotated[list[_CameraId], Field(min_length=1, max_length=MOST_CAMERAS)]
    at_us: Annotated[int, Field(ge=0, lt=1 << 53, description="When it was decided to; the same in both calls.")]
    back_us: Annotated[int, Field(ge=0, lt=1 << 53, description="How far back before that footage is needed.")] = 0
    again: _Words = ""


class ReviewIn(_In):
    justified: bool
    words: _Words


class WordsIn(_In):
    words: _Words


class GlassOut(BaseModel):
    id: str
    account: str
    user_name: str
    team: str
    code: str
    code_text: str
    words: str
    again: str
    cameras: list[str]
    from_us: int
    to_us: int
    grant: str
    broken_us: int
    ends_us: int
    due_us: int
    overdue: bool
    state: GlassState
    reviewer: str
    reviewed_us: int | None
    review: str
    lifted: str = Field(description="Why the person may break it again although it was not justified.")
    mine: bool
    may_review: bool
    why_not: str = Field(description="Why the person who looks can't review it.")
    may_lift: bool


class CodeOut(BaseModel):
    code: str
    text: str


class GlassList(BaseModel):
    now_us: int
    codes: list[CodeOut]
    may_break: bool
    why_not: str = Field(description="Why one can't break the glass, empty where one can.")
    needs_again: bool = Field(description="An earlier one waits for its review: say in `again` why once more.")
    most_cameras: int
    most_back_us: int
    lasts_us: int
    cases: list[GlassOut]
