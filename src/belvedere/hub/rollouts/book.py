"""Releases and roll-outs in the database. Blocks."""

from dataclasses import dataclass

from sqlalchemy import Engine, Row, delete, insert, select, update

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Conflict, NotFound
from belvedere.hub.rollouts.plan import At, Pace, SiteStep, State
from belvedere.hub.rollouts.tables import release, rollout, rollout_site
from belvedere.hub.storage import reading, writing
from belvedere.hub.storage.acts import NoteAct
from belvedere.link.release import Manifest, SignedManifest, open_manifest

ADDED = "release.added"
MOST_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Release:
    """A release that the hub holds."""

    signed: SignedManifest
    manifest: Manifest
    added_us: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """A roll-out with its sites, in the order of their ids."""

    id: str
    version: str
    manifest_sha256: str
    account_id: str
    confirmed_by: str
    reason: str
    pace: Pace
    night: bool
    state: State
    started_us: int
    ended_us: int | None
    why: str
    sites: tuple[SiteStep, ...] = ()


class RolloutBook:
    """What is written and read of both."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def add_release(self, signed: SignedManifest, manifest: Manifest, noting: NoteAct) -> None:
        """Keep a release; the same again changes nothing. Raises Conflict for another one of the same version."""
        with writing(self._engine) as connection:
            kept = connection.execute(select(release.c.manifest).where(release.c.version == manifest.version)).scalar()
            if kept is not None and bytes(kept) != signed.words:
                raise Conflict(
                    f"This hub holds another release {manifest.version}.",
                    advice="A version names one release for good: sign this one under a later version.",
                )
            if kept is not None:
                return
            facts = {"version": manifest.version, "manifest_sha256": signed.sha256, "files": len(manifest.files)}
            noting(connection, ADDED, facts)
            connection.execute(
                insert(release).values(
                    version=manifest.version,
                    manifest=signed.words,
                    signature=signed.signature,
                    key=signed.key,
                    bytes=manifest.size,
                    added_us=self._clock.now_us(),
                )
            )

    def releases(self) -> list[Release]:
        """All, newest first by when they came."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(release).order_by(release.c.added_us.desc(), release.c.version)).all()
        return [_release(row) for row in rows]

    def release(self, version: str) -> Release:
        """One. Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(release).where(release.c.version == version)).one_or_none()
        if row is None:
            raise NotFound(f"This hub holds no release {version[:40]}.", advice="Take it in: belvedere release add.")
        return _release(row)

    def add(self, made: Rollout) -> None:
        """Begin a roll-out. Raises Conflict while another one runs."""
        with writing(self._engine) as connection:
            if connection.execute(select(rollout.c.id).where(rollout.c.state == str(State.RUNNING))).first():
                raise Conflict("A roll-out is under way.", advice="Wait until it has ended, or stop it.")
            connection.execute(
                insert(rollout).values(
                    id=made.id,
                    version=made.version,
                    manifest_sha256=made.manifest_sha256,
                    account_id=made.account_id,
                    confirmed_by=made.confirmed_by,
                    reason=made.reason,
                    wait_minutes=made.pace.wait_minutes,
                    at_once=made.pace.at_once,
                    night=made.night,
                    state=str(made.state),
                    started_us=made.started_us,
                    ended_us=None,
                    why="",
                )
            )
            connection.execute(delete(rollout_site).where(rollout_site.c.rollout_id == made.id))
            for each in made.sites:
                connection.execute(insert(rollout_site).values(rollout_id=made.id, **_values(each)))

    def put_site(self, rollout_id: str, step: SiteStep) -> None:
        """How one site of it stands now."""
        which = (rollout_site.c.rollout_id == rollout_id) & (rollout_site.c.site_id == step.site)
        with writing(self._engine) as connection:
            connection.execute(update(rollout_site).where(which).values(**_values(step)))

    def end(self, rollout_id: str, state: State, why: str) -> bool:
        """It has ended; whether it was running until now."""
        which = (rollout.c.id == rollout_id) & (rollout.c.state == str(State.RUNNING))
        values = {"state": str(state), "why": why, "ended_us": self._clock.now_us()}
        with writing(self._engine) as connection:
            return bool(connection.execute(update(rollout).where(which).values(**values)).rowcount)

    def all(self) -> list[Rollout]:
        """Newest first."""
        with reading(self._engine) as connection:
            query = select(rollout).order_by(rollout.c.started_us.desc(), rollout.c.id).limit(MOST_SHOWN)
            rows = connection.execute(query).all()
            steps = select(rollout_site).where(rollout_site.c.rollout_id.in_([row.id for row in rows]))
            found: dict[str, list[SiteStep]] = {}
            for row in connection.execute(steps.order_by(rollout_site.c.stage, rollout_site.c.site_id)):
                found.setdefault(row.rollout_id, []).append(_step(row))
        return [_rollout(row, found.get(row.id, [])) for row in rows]

    def running(self) -> Rollout | None:
        """The one under way."""
        return next((each for each in self.all() if each.state is State.RUNNING), None)

    def get(self, rollout_id: str) -> Rollout:
        """One. Raises NotFound."""
        found = next((each for each in self.all() if each.id == rollout_id), None)
        if found is None:
            raise NotFound("There is no such roll-out.", advice="Look at the list.")
        return found


def _release(row: Row[tuple[object, ...]]) -> Release:
    signed = SignedManifest(bytes(row.manifest), bytes(row.signature), bytes(row.key))
    return Release(signed, open_manifest(signed, [signed.key]), row.added_us)


def _rollout(row: Row[tuple[object, ...]], sites: list[SiteStep]) -> Rollout:
    return Rollout(
        row.id,
        row.version,
        row.manifest_sha256,
        row.account_id,
        row.confirmed_by,
        row.reason,
        Pace(row.wait_minutes, row.at_once),
        row.night,
        State(row.state),
        row.started_us,
        row.ended_us,
        row.why,
        tuple(sites),
    )


def _step(row: Row[tuple[object, ...]]) -> SiteStep:
    return SiteStep(
        row.site_id,
        row.stage,
        At(row.state),
        row.phase,
        row.former,
        row.have_bytes,
        row.ordered_us,
        row.told_us,
        row.ended_us,
        row.why,
    )


def _values(step: SiteStep) -> dict[str, object]:
    return {
        "site_id": step.site,
        "stage": step.stage,
        "state": str(step.state),
        "phase": step.phase,
        "former": step.former,
        "have_bytes": step.have_bytes,
        "ordered_us": step.ordered_us,
        "told_us": step.told_us,
        "ended_us": step.ended_us,
        "why": step.why,
    }
