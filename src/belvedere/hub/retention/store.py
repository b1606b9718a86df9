"""Classes, holds, decisions and certificates: rows in, rows out. Blocking."""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update

from belvedere.foundation.errors import Conflict, LinkFault, NotFound
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import (
    camera,
    camera_class,
    certificate,
    hold,
    retention_class,
    retention_decision,
    retention_revision,
    retention_told,
)
from belvedere.link.retention import FORMAT, ClassOrder, Decision, HoldOrder, Orders, RetentionState
from belvedere.link.wire import decode_reply, encode

FileBytes = bytes
_KEPT_ENDED = 500  # ended holds and decisions that a site is still told of


@dataclass(frozen=True, slots=True)
class HoldRow:
    """One hold. `ended_us`: None while it lives; `ended_why`: "expired", or a person's words."""

    id: str
    cameras: tuple[str, ...]
    from_us: int
    to_us: int
    owner_id: str
    owner: str
    reason: str
    reference: str
    placed_us: int
    expires_us: int
    ended_us: int | None
    ended_why: str


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """What a person decided: see `link.retention.Decision`. `site_id` "": for every site; of a night, the hub's own machine."""

    id: str
    kind: str
    account_id: str
    made_by: str
    reason: str
    at_us: int
    night: int
    bytes: int
    hold_id: str
    site_id: str = ""


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """One certificate; `body` is the file as it is given out. `whys`: comma-separated."""

    id: str
    site: str
    made_us: int
    last_line: int
    series: str
    cameras: int
    segments: int
    bytes: int
    from_us: int
    to_us: int
    whys: str
    body: FileBytes


class RetentionStore:
    """Every change raises the revision in its own transaction, so that a site hears of it however the hub ends."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Classes.

    def classes(self) -> tuple[list[ClassOrder], dict[str, str]]:
        """All classes by name, and the class of each camera that is in one."""
        with reading(self._engine) as connection:
            return _classes(connection), _cameras(connection)

    def put_classes(self, classes: Sequence[ClassOrder], cameras: Mapping[str, str]) -> None:
        """Put these in the place of all classes there are."""
        with writing(self._engine) as connection:
            connection.execute(delete(camera_class))
            connection.execute(delete(retention_class))
            if classes:
                connection.execute(
                    insert(retention_class),
                    [{"name": one.name, "days": one.days, "reference": one.reference} for one in classes],
                )
            if cameras:
                rows = [{"camera": camera, "class_name": name} for camera, name in cameras.items()]
                connection.execute(insert(camera_class), rows)
            _raise_revision(connection)

    # Holds.

    def holds(self, *, live: bool) -> list[HoldRow]:
        """Holds that live, by expiry; or those that have ended, newest first."""
        query = select(hold).where(hold.c.ended_us.is_(None) if live else hold.c.ended_us.is_not(None))
        query = query.order_by(hold.c.expires_us if live else hold.c.ended_us.desc()).limit(10_000 if live else 200)
        with reading(self._engine) as connection:
            return [_hold(row) for row in connection.execute(query).mappings()]

    def hold(self, hold_id: str) -> HoldRow:
        """One hold. Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(hold).where(hold.c.id == hold_id)).mappings().one_or_none()
        if row is None:
            raise NotFound("There is no such hold.", advice="Look at the list of holds.")
        return _hold(row)

    def known_holds(self, ids: Collection[str]) -> set[str]:
        """Which of these holds stand here, ended or not."""
        with reading(self._engine) as connection:
            return set(connection.scalars(select(hold.c.id).where(hold.c.id.in_(list(ids)))))

    def elsewhere(self, site: str) -> set[str]:
        """Cameras that other sites have."""
        with reading(self._engine) as connection:
            return set(connection.scalars(select(camera.c.id).where(camera.c.site_id != site)))

    def add_hold(self, row: HoldRow) -> None:
        values = {name: getattr(row, name) for name in HoldRow.__slots__} | {"cameras": list(row.cameras)}
        with writing(self._engine) as connection:
            connection.execute(insert(hold).values(values))
            _raise_revision(connection)

    def change_hold(self, hold_id: str, **values: object) -> None:
        """Change a hold that lives. Raises Conflict when it has ended."""
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(hold).where(hold.c.id == hold_id, hold.c.ended_us.is_(None)).values(**values)
            ).rowcount
            if not changed:
                raise Conflict("This hold has ended.", advice="Place a new one; the footage may be there still.")
            _raise_revision(connection)

    # Decisions and orders.

    def decide(self, row: DecisionRow) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                insert(retention_decision).values({name: getattr(row, name) for name in DecisionRow.__slots__})
            )
            _raise_revision(connection)

    def answered(self, night: int, site: str = "") -> int:
        """How many decisions were made about a night that stopped itself at a site."""
        query = select(func.count()).where(
            retention_decision.c.night == night,
            retention_decision.c.site_id == site,
            retention_decision.c.kind.in_(("go", "no")),
        )
        with reading(self._engine) as connection:
            return int(connection.scalar(query) or 0)

    def revision(self) -> int:
        """The number of the newest change; 0 before the first."""
        with reading(self._engine) as connection:
            return int(connection.scalar(select(retention_revision.c.revision)) or 0)

    def raise_to(self, revision: int) -> None:
        """A site has heard of later changes than this database holds, which was set back: begin above them."""
        with writing(self._engine) as connection:
            _raise_revision(connection)
            connection.execute(
                update(retention_revision)
                .where(retention_revision.c.revision <= revision)
                .values(revision=revision + 1)
            )

    def orders(self, site: str, now_us: int, *, own: bool = True) -> Orders:
        """All that a site has to hear, as it stands: nothing of cameras that another site has. `own`: on the hub's machine."""
        ended = select(hold).where(hold.c.ended_us.is_not(None)).order_by(hold.c.ended_us.desc()).limit(_KEPT_ENDED)
        theirs = (retention_decision.c.site_id == site) | (
            (retention_decision.c.site_id == "")
            & (retention_decision.c.kind.in_(("go", "no", "restore") if own else ("restore",)))
        )
        decisions = (
            select(retention_decision).where(theirs).order_by(retention_decision.c.at_us.desc()).limit(_KEPT_ENDED)
        )
        elsewhere = select(camera.c.id).where(camera.c.site_id != site)
        with reading(self._engine) as connection:
            others = set(connection.scalars(elsewhere))
            rows = [
                *connection.execute(select(hold).where(hold.c.ended_us.is_(None))).mappings(),
                *connection.execute(ended).mappings(),
            ]
            holds = (_order(_hold(row), others) for row in rows)
            return Orders(
                format=FORMAT,
                site=site,
                revision=int(connection.scalar(select(retention_revision.c.revision)) or 0),
                issued_us=now_us,
                classes=tuple(_classes(connection)),
                cameras={each: name for each, name in _cameras(connection).items() if each not in others},
                holds=tuple(each for each in holds if each.cameras),
                decisions=tuple(
                    Decision(
                        id=row["id"],
                        kind=row["kind"],
                        by=row["made_by"],
                        reason=row["reason"],
                        at_us=row["at_us"],
                        night=row["night"],
                        bytes=row["bytes"],
                        hold=row["hold_id"],
                    )
                    for row in reversed(connection.execute(decisions).mappings().all())
                ),
            )

    # What sites said last.

    def told(self) -> dict[str, tuple[int, RetentionState]]:
        """When each site was heard last, and how it stood. One that said what this version does not understand is left out."""
        found = {}
        with reading(self._engine) as connection:
            for row in connection.execute(select(retention_told)):
                try:
                    state = decode_reply(row.body)
                except LinkFault:
                    continue
                if isinstance(state, RetentionState):
                    found[row.site_id] = (int(row.heard_us), state)
        return found

    def tell(self, site: str, heard_us: int, state: RetentionState) -> None:
        """Keep what a site said."""
        values = {"heard_us": heard_us, "body": encode(state)}
        with writing(self._engine) as connection:
            known = retention_told.c.site_id == site
            if not connection.execute(update(retention_told).where(known).values(**values)).rowcount:
                connection.execute(insert(retention_told).values(site_id=site, **values))

    # Certificates.

    def last_line(self, site: str, series: str, newest: int) -> int:
        """The newest line of a site's destructions that a certificate tells of. `newest`: the line that the site is at.

        Another `series` begins anew: the box was replaced. Certificates from before counts had names (series "") count for the
        first that comes with a name, unless it is not that far yet.
        """
        query = select(func.max(certificate.c.last_line)).where(certificate.c.site == site)
        with reading(self._engine) as connection:
            told = connection.scalar(query.where(certificate.c.series == series))
            if told is None and not connection.scalar(query.where(certificate.c.series != "")):
                unnamed = int(connection.scalar(query.where(certificate.c.series == "")) or 0)
                told = unnamed if unnamed <= newest else 0
            return int(told or 0)

    def add_certificate(self, row: CertificateRow) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                insert(certificate).values({name: getattr(row, name) for name in CertificateRow.__slots__})
            )

    def certificates(self, before_us: int | None = None, limit: int = 100) -> list[CertificateRow]:
        """The newest certificates, newest first."""
        query = select(certificate).order_by(certificate.c.made_us.desc()).limit(limit)
        if before_us is not None:
            query = query.where(certificate.c.made_us < before_us)
        with reading(self._engine) as connection:
            return [CertificateRow(**row) for row in connection.execute(query).mappings()]

    def certificate(self, certificate_id: str) -> CertificateRow:
        """One certificate. Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(certificate).where(certificate.c.id == certificate_id))
                .mappings()
                .one_or_none()
            )
        if row is None:
            raise NotFound("There is no such certificate.", advice="Look at the list of certificates.")
        return CertificateRow(**row)


def _raise_revision(connection: Connection) -> None:
    if not connection.execute(update(retention_revision).values(revision=retention_revision.c.revision + 1)).rowcount:
        connection.execute(insert(retention_revision).values(id=1, revision=1))


def _classes(connection: Connection) -> list[ClassOrder]:
    rows = connection.execute(select(retention_class).order_by(retention_class.c.name))
    return [ClassOrder(row.name, row.days, row.reference) for row in rows]


def _cameras(connection: Connection) -> dict[str, str]:
    return {row.camera: row.class_name for row in connection.execute(select(camera_class))}


def _hold(row: RowMapping) -> HoldRow:
    return HoldRow(**{**row, "cameras": tuple(row["cameras"])})


def _order(row: HoldRow, others: Container[str]) -> HoldOrder:
    return HoldOrder(
        id=row.id,
        cameras=tuple(each for each in row.cameras if each not in others),
        from_us=row.from_us,
        to_us=row.to_us,
        owner=row.owner,
        reason=row.reason,
        reference=row.reference,
        placed_us=row.placed_us,
        expires_us=row.expires_us,
        ended_us=row.ended_us,
        ended_why=row.ended_why,
    )
