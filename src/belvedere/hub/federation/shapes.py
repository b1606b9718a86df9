"""What the pages of partners send and receive."""

from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from belvedere.hub.federation.dossier import PackageRow, QuestionRow, RequestRow
from belvedere.hub.federation.letter_book import KeptLetter
from belvedere.hub.federation.partner_book import Partner
from belvedere.hub.federation.words import Circle, Polygon

Words = Annotated[str, Field(max_length=2_000)]
LongWords = Annotated[str, Field(max_length=4_000)]
Reference = Annotated[str, Field(min_length=1, max_length=100)]
PartnerId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PolicyIO(_In):
    """What a partner may ask. `cameras` null: all."""

    answers: bool
    reasons: list[str]
    bases: list[str]
    cameras: list[str] | None
    longest_minutes: int
    widest_m: int
    questions_a_day: int
    hold_days: int
    tells_count: bool


class PartnerOut(BaseModel):
    id: str
    controller: str
    contact: str
    address: str
    fingerprint: str
    public_tls: bool = Field(description="A public certificate authority vouches for its address.")
    added_us: int
    added_by: str
    confirmed_by: str
    policy: PolicyIO
    revoked_us: int | None
    reason: str
    heard_us: int | None
    fault: str = Field(description="Why it was not reached at the last try; empty where it was.")
    waiting: int = Field(description="Letters that wait for it.")


class OwnOut(BaseModel):
    """What this hub says of itself. Empty where federation is off."""

    hub: str
    controller: str
    contact: str
    address: str
    fingerprint: str
    document: str


class PartnerList(BaseModel):
    now_us: int
    on: bool
    own: OwnOut | None
    partners: list[PartnerOut]
    reasons: list[str]
    bases: list[str]
    cameras: list[str]


class PartnerIn(_In):
    document: Annotated[str, Field(max_length=32_000)]
    fingerprint: Annotated[str, Field(max_length=64, description="As the partner read it out.")]
    reason: Words


class PolicyIn(_In):
    policy: PolicyIO
    reason: Words


class WhyIn(_In):
    reason: Words


class LetterOut(BaseModel):
    """A letter said or heard. `sha256` stands in both hubs' logs."""

    id: str
    outgoing: bool
    what: str
    sha256: str
    made_us: int
    state: str
    tries: int
    fault: str
    done_us: int | None


class LetterList(BaseModel):
    letters: list[LetterOut]


class CircleIO(_In):
    shape: Literal["circle"]
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    radius_m: float = Field(ge=10, le=5_000)


class PolygonIO(_In):
    """[longitude, latitude], not closed."""

    shape: Literal["polygon"]
    points: Annotated[list[tuple[float, float]], Field(min_length=3, max_length=64)]


class QuestionIn(_In):
    partner: PartnerId
    place: Annotated[CircleIO | PolygonIO, Field(discriminator="shape")]
    from_us: int = Field(ge=0, le=2**53)
    to_us: int = Field(ge=0, le=2**53)
    reason: Annotated[str, Field(pattern="^[a-z0-9_]{1,32}$")]
    basis: Annotated[str, Field(pattern="^[a-z0-9_]{1,32}$")]
    reference: Reference


class QuestionOut(BaseModel):
    id: str
    partner: str
    controller: str
    outgoing: bool
    place: CircleIO | PolygonIO
    from_us: int
    to_us: int
    reason: str
    basis: str
    reference: str
    asker: str
    asked_us: int
    state: str
    code: str
    told: str
    answered_us: int | None
    hold: str
    until_us: int | None
    cameras: int | None = Field(description="How many, where it is told; of a partner's question, how many are held.")
    delivery: str = Field(description="Of one asked here: how its letter fares; empty once it was delivered.")


class RequestOut(BaseModel):
    id: str
    partner: str
    controller: str
    outgoing: bool
    question: str
    number: str
    wanted: str
    necessity: str
    reason: str
    basis: str
    reference: str
    officer: str
    asker: str
    made_us: int
    state: str
    told: str
    changed_us: int
    package_bytes: int | None
    package_have: int | None
    package_sha256: str
    package_fault: str


class NameOut(BaseModel):
    id: str
    controller: str


class AskedOut(BaseModel):
    """Questions and requests of both directions, as far as one may see them."""

    now_us: int
    on: bool
    partners: list[NameOut]
    reasons: list[str]
    bases: list[str]
    questions: list[QuestionOut]
    requests: list[RequestOut]


class RequestIn(_In):
    partner: PartnerId
    question: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{8,64}$")]
    wanted: LongWords
    necessity: LongWords
    reason: Annotated[str, Field(pattern="^[a-z0-9_]{1,32}$")]
    basis: Annotated[str, Field(pattern="^[a-z0-9_]{1,32}$")]
    reference: Reference
    officer: Annotated[str, Field(min_length=1, max_length=200)]


class DecisionIn(_In):
    approve: bool
    reason: Words


def partner_out(partner: Partner, names: dict[str, str], waiting: int) -> PartnerOut:
    """`names`: of accounts, by id."""
    return PartnerOut(
        id=partner.id,
        controller=partner.controller,
        contact=partner.contact,
        address=partner.address,
        fingerprint=partner.fingerprint,
        public_tls=not partner.authority,
        added_us=partner.added_us,
        added_by=names.get(partner.added_by, partner.added_by),
        confirmed_by=names.get(partner.confirmed_by, partner.confirmed_by),
        policy=PolicyIO.model_validate(msgspec.to_builtins(partner.policy)),
        revoked_us=partner.revoked_us,
        reason=partner.reason,
        heard_us=partner.heard_us,
        fault=partner.fault,
        waiting=waiting,
    )


def letter_out(letter: KeptLetter) -> LetterOut:
    return LetterOut(
        id=letter.id,
        outgoing=letter.outgoing,
        what=letter.kind,
        sha256=letter.sha256,
        made_us=letter.made_us,
        state=letter.state,
        tries=letter.tries,
        fault=letter.fault,
        done_us=letter.done_us,
    )


def question_out(row: QuestionRow, controller: str, delivery: str) -> QuestionOut:
    words = row.words
    place = msgspec.convert(words["place"], Circle | Polygon)
    return QuestionOut(
        id=row.id,
        partner=row.partner_id,
        controller=controller,
        outgoing=row.outgoing,
        place=CircleIO(shape="circle", lat=place.lat, lon=place.lon, radius_m=place.radius_m)
        if isinstance(place, Circle)
        else PolygonIO(shape="polygon", points=list(place.points)),
        from_us=words["from_us"],
        to_us=words["to_us"],
        reason=words["reason"],
        basis=words["basis"],
        reference=words["reference"],
        asker=row.asker,
        asked_us=row.asked_us,
        state=row.state,
        code=row.code,
        told=row.told,
        answered_us=row.answered_us,
        hold=row.hold,
        until_us=row.until_us,
        cameras=row.count if row.outgoing else len({*row.cameras, *row.away}),
        delivery=delivery,
    )


def request_out(row: RequestRow, controller: str, package: PackageRow | None) -> RequestOut:
    words = row.words
    return RequestOut(
        id=row.id,
        partner=row.partner_id,
        controller=controller,
        outgoing=row.outgoing,
        question=row.question_id,
        number=row.number,
        wanted=words["wanted"],
        necessity=words["necessity"],
        reason=words["reason"],
        basis=words["basis"],
        reference=words["reference"],
        officer=words["officer"],
        asker=row.asker,
        made_us=row.made_us,
        state=row.state,
        told=row.told,
        changed_us=row.changed_us,
        package_bytes=package.bytes if package else None,
        package_have=(package.bytes if package.state in ("here", "receipted") else package.have) if package else None,
        package_sha256=package.sha256 if package else "",
        package_fault=package.fault if package else "",
    )
