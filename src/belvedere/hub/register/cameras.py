"""The register of sites and cameras: names, places and views. Addresses and passwords of cameras stay at the site."""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from belvedere.foundation.clock import Clock, SystemClock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.foundation.ids import is_slug
from belvedere.foundation.settings import Settings
from belvedere.hub.storage.acts import NoteAct, noting, nowhere
from belvedere.hub.storage.engine import open_engine, reading, writing
from belvedere.hub.storage.metadata import camera as camera_table
from belvedere.hub.storage.metadata import site as site_table
from belvedere.hub.storage.migrate import upgrade

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Site:
    """A place with cameras and one Belvedere box."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera as people know it. `bearing_deg` runs clockwise from north, `fov_deg` is horizontal, lengths are metres."""

    id: str
    site: str
    name: str
    place: str = ""
    # Invariant: lat and lon are both given or both None.
    lat: float | None = None
    lon: float | None = None
    # Invariant: bearing_deg, fov_deg and range_m are all given or all None; given only with a position.
    bearing_deg: float | None = None
    fov_deg: float | None = None
    range_m: float | None = None
    height_m: float | None = None
    created_us: int = 0


class CameraRegister:
    """Sites and cameras in the hub's database. Blocking; call it in a thread from async code."""

    def __init__(self, engine: Engine, clock: Clock, note: NoteAct = nowhere) -> None:
        """`note` is called inside each transaction that changes a camera (see `storage.acts`)."""
        self._engine = engine
        self._clock = clock
        self._note = note

    def put_site(self, site_id: str, name: str) -> None:
        """Add a site, or change its name."""
        _require_slug(site_id, "site")
        if Site(site_id, name) in self.sites():
            return
        with writing(self._engine) as connection:
            changed = connection.execute(update(site_table).where(site_table.c.id == site_id).values(name=name))
            if changed.rowcount == 0:
                connection.execute(insert(site_table).values(id=site_id, name=name, created_us=self._clock.now_us()))

    def sites(self) -> list[Site]:
        """All sites, by id."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(site_table.c.id, site_table.c.name).order_by(site_table.c.id))
            return [Site(row.id, row.name) for row in rows]

    def put_camera(self, camera: Camera) -> Camera:
        """Add a camera, or change all that the register knows of it.

        Raises BadInput for a wrong id, place or view, or an unknown site.
        """
        return self.put_cameras([camera])[0]

    def put_cameras(self, cameras: Iterable[Camera]) -> list[Camera]:
        """Add or change several, all or none, in one transaction. Raises as `put_camera`."""
        wanted, now_us = list(cameras), self._clock.now_us()
        for camera in wanted:
            _check(camera)
        if not wanted:
            return []
        with writing(self._engine) as connection:
            return [self._put(connection, camera, now_us) for camera in wanted]

    def _put(self, connection: Connection, camera: Camera, now_us: int) -> Camera:
        values = {key: value for key, value in asdict(camera).items() if key not in ("id", "site", "created_us")}
        values |= {"site_id": camera.site, "changed_us": now_us}
        if connection.execute(select(site_table.c.id).where(site_table.c.id == camera.site)).first() is None:
            raise BadInput(f"There is no site {camera.site}.", advice="Give the id of a site that exists.")
        mine = camera_table.c.id == camera.id
        before = connection.scalar(select(camera_table.c.created_us).where(mine))
        if before is None:
            connection.execute(insert(camera_table).values(id=camera.id, created_us=now_us, **values))
        else:
            connection.execute(update(camera_table).where(mine).values(**values))
        kind = "camera.added" if before is None else "camera.changed"
        self._note(connection, kind, {"camera": camera.id, "name": camera.name})
        return replace(camera, created_us=now_us if before is None else before)

    def remove_camera(self, camera_id: str) -> None:
        """Take a camera out of the register. Its footage is the site's matter. Raises NotFound."""
        with writing(self._engine) as connection:
            if connection.execute(delete(camera_table).where(camera_table.c.id == camera_id)).rowcount == 0:
                raise _unknown(camera_id)
            self._note(connection, "camera.removed", {"camera": camera_id})

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Note an act that changes nothing here, such as a new password at the site, for the audit log."""
        with writing(self._engine) as connection:
            self._note(connection, kind, facts)

    def list_cameras(self) -> list[Camera]:
        """All cameras, by name."""
        with reading(self._engine) as connection:
            query = select(camera_table).order_by(camera_table.c.name, camera_table.c.id)
            return [_camera(row) for row in connection.execute(query).mappings()]

    def sites_of_cameras(self) -> dict[str, str]:
        """The site of each camera."""
        with reading(self._engine) as connection:
            return {
                row.id: row.site_id for row in connection.execute(select(camera_table.c.id, camera_table.c.site_id))
            }

    def camera(self, camera_id: str) -> Camera:
        """One camera. Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(camera_table).where(camera_table.c.id == camera_id)).mappings().one_or_none()
            )
        if row is None:
            raise _unknown(camera_id)
        return _camera(row)

    def camera_ids(self, sites: Iterable[str] = ()) -> frozenset[str]:
        """Ids of the cameras of these sites; of all cameras when none is named."""
        query = select(camera_table.c.id)
        wanted = tuple(sites)
        if wanted:
            query = query.where(camera_table.c.site_id.in_(wanted))
        with reading(self._engine) as connection:
            return frozenset(connection.scalars(query))


@contextmanager
def open_register(settings: Settings, clock: Clock | None = None) -> Iterator[CameraRegister]:
    """The register of a data folder, for the command line; the hub may be running or not."""
    engine = open_engine(settings.hub_database_url)
    try:
        upgrade(engine)
        clock = clock or SystemClock()
        register = CameraRegister(engine, clock, noting(clock))
        register.put_site(settings.site.id, settings.site.name)
        yield register
    finally:
        engine.dispose()


def _unknown(camera_id: str) -> NotFound:
    return NotFound(f"There is no camera {camera_id}.", advice="`belvedere camera list` shows them all.")


def _camera(row: Any) -> Camera:
    return Camera(
        id=row["id"],
        site=row["site_id"],
        name=row["name"],
        place=row["place"],
        lat=row["lat"],
        lon=row["lon"],
        bearing_deg=row["bearing_deg"],
        fov_deg=row["fov_deg"],
        range_m=row["range_m"],
        height_m=row["height_m"],
        created_us=row["created_us"],
    )


def _require_slug(text: str, what: str) -> None:
    if not is_slug(text):
        raise BadInput(
            f"{text!r} can't be the id of a {what}.",
            advice="Use lower-case letters, digits and inner hyphens, 48 at most.",
        )


def _check(camera: Camera) -> None:
    _require_slug(camera.id, "camera")
    if not camera.name.strip() or len(camera.name) > _LONGEST_NAME:
        raise BadInput("A camera needs a name.", advice=f"Give 1 to {_LONGEST_NAME} characters.")
    for label, value, least, most in (
        ("latitude", camera.lat, -90.0, 90.0),
        ("longitude", camera.lon, -180.0, 180.0),
        ("bearing", camera.bearing_deg, -360.0, 360.0),
        ("field of view", camera.fov_deg, 1.0, 360.0),
        ("range", camera.range_m, 1.0, 2000.0),
        ("height", camera.height_m, 0.0, 500.0),
    ):
        if value is not None and not (math.isfinite(value) and least <= value <= most):
            raise BadInput(f"The {label} {value:g} can't be right.", advice=f"Give {least:g} to {most:g}.")
    if (camera.lat is None) != (camera.lon is None):
        raise BadInput("A position needs latitude and longitude.", advice="Give both, as LAT,LON.")
    view = (camera.bearing_deg, camera.fov_deg, camera.range_m)
    if any(value is None for value in view) and any(value is not None for value in view):
        raise BadInput("A view needs bearing, field of view and range.", advice="Give all three, or none.")
    if view[0] is not None and camera.lat is None:
        raise BadInput("A view needs a position.", advice="Give the camera's place as LAT,LON.")
