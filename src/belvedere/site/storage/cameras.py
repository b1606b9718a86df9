"""The cameras of a site and how to reach them. Addresses are stored sealed; passwords never appear in a repr."""

import sqlite3
from dataclasses import dataclass, field

import msgspec

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadAddress, BadInput, NotFound
from belvedere.foundation.ids import is_slug
from belvedere.media.stream import StreamKind
from belvedere.site.ingest.address import split_address
from belvedere.site.storage.index import Index, statements
from belvedere.site.storage.keys import ConnectionSafe


@dataclass(frozen=True, slots=True)
class Address:
    """Where a stream is fetched. `url` holds no credentials."""

    url: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera. A stream without an address only receives imports."""

    id: int
    slug: str
    name: str
    enabled: bool
    addresses: dict[StreamKind, Address]


@dataclass(frozen=True, slots=True)
class StreamRef:
    """One stream, by its index key and by its names."""

    id: int
    camera_id: int
    camera: str
    kind: StreamKind


class Connection(msgspec.Struct, frozen=True):
    """What is sealed of a camera: addresses with their credentials."""

    main_url: str
    sub_url: str

    def __repr__(self) -> str:
        return "Connection()"


def address_of(url: str) -> Address:
    """A camera's address with its credentials taken out. Raises BadAddress, which never repeats them."""
    return Address(*split_address(url))


class Cameras:
    """Adds, changes, lists and removes cameras in the index. Thread-safe."""

    def __init__(self, index: Index, safe: ConnectionSafe, clock: Clock) -> None:
        self._index = index
        self._safe = safe
        self._clock = clock

    def put(self, camera: str, name: str, main_url: str, sub_url: str, enabled: bool) -> None:
        """Add the camera, or change all its fields. An empty `main_url` makes it one that only receives imports."""
        with self._index.write() as db:
            self.put_in(db, camera, name, main_url, sub_url, enabled)

    def put_in(
        self, db: sqlite3.Connection, camera: str, name: str, main_url: str, sub_url: str, enabled: bool
    ) -> None:
        """The same inside a transaction of the caller's. What is sealed is sealed in the transaction: see `camera_key`."""
        if not is_slug(camera):
            raise BadInput(
                f"{camera!r} can't name a camera.",
                advice="Use lower-case letters, digits and inner hyphens, 48 at most.",
            )
        for url in filter(None, (main_url, sub_url)):
            address_of(url)
        if sub_url and not main_url:
            raise BadAddress("The camera has a sub stream but no main stream.", advice="Give the main address too.")
        row = {
            "slug": camera,
            "name": name or camera,
            "connection": self._safe.shut(camera, msgspec.json.encode(Connection(main_url, sub_url))),
            "enabled": int(enabled),
            "now_us": self._clock.now_us(),
        }
        db.execute(statements()["put_camera"], row)
        db.executemany(
            "INSERT INTO stream (camera_id, kind) SELECT id, ? FROM camera WHERE slug = ? ON CONFLICT DO NOTHING",
            [(kind, camera) for kind, url in ((StreamKind.MAIN, True), (StreamKind.SUB, sub_url)) if url],
        )
        # A password on trial is for the connection that was replaced just now.
        db.execute("DELETE FROM camera_before WHERE camera_id = (SELECT id FROM camera WHERE slug = ?)", (camera,))

    def open_words(self, name: str, sealed: bytes) -> bytes:
        """What was sealed beside the cameras' own connections, such as a device's (`onvif.store`)."""
        return self._safe.open(name, sealed)

    def shut_words(self, name: str, plain: bytes) -> bytes:
        """The same way back; inside the transaction that writes it (see `camera_key`)."""
        return self._safe.shut(name, plain)

    def remove(self, camera: str) -> None:
        """Forget the camera's addresses and stop recording it. Its footage stays until it is old. Raises NotFound."""
        with self._index.write() as db:
            changed = db.execute(
                "UPDATE camera SET removed = 1, enabled = 0, connection = NULL WHERE slug = ? AND NOT removed",
                (camera,),
            ).rowcount
            db.execute("DELETE FROM camera_before WHERE camera_id = (SELECT id FROM camera WHERE slug = ?)", (camera,))
        if not changed:
            raise NotFound(f"There is no camera {camera}.", advice="`belvedere camera list` names them.")

    def all(self) -> list[Camera]:
        """All cameras that were not removed, by slug."""
        cameras = []
        for camera_id, slug, name, sealed, enabled in self._index.read().execute(statements()["cameras"]).fetchall():
            stored = msgspec.json.decode(self._safe.open(slug, sealed), type=Connection)
            pairs = ((StreamKind.MAIN, stored.main_url), (StreamKind.SUB, stored.sub_url))
            addresses = {kind: address_of(url) for kind, url in pairs if url}
            cameras.append(Camera(camera_id, slug, name, bool(enabled), addresses))
        return cameras

    def streams(self) -> list[StreamRef]:
        """All streams the index knows, of removed cameras too."""
        rows = self._index.read().execute(statements()["streams"]).fetchall()
        return [StreamRef(i, camera_id, slug, StreamKind(kind)) for i, camera_id, slug, kind in rows]

    def stream(self, camera: str, kind: StreamKind) -> StreamRef:
        """One stream of a camera that was not removed, made when it is missing. Raises NotFound for an unknown camera."""
        with self._index.write() as db:
            row = db.execute("SELECT id FROM camera WHERE slug = ? AND NOT removed", (camera,)).fetchone()
            if row is None:
                raise NotFound(f"There is no camera {camera}.", advice="Add it with `belvedere camera add`.")
            db.execute("INSERT INTO stream (camera_id, kind) VALUES (?, ?) ON CONFLICT DO NOTHING", (row[0], kind))
            found = db.execute("SELECT id FROM stream WHERE camera_id = ? AND kind = ?", (row[0], kind)).fetchone()
        return StreamRef(found[0], row[0], camera, kind)
