"""Permanent masks in the site index. They hold with the hub gone, and after a restart. Thread-safe."""

import msgspec

from belvedere.foundation.errors import Conflict
from belvedere.link.masked import MasksHeld, Polygons
from belvedere.site.storage.index import Index

_polygons: msgspec.msgpack.Decoder[Polygons] = msgspec.msgpack.Decoder(Polygons)


class MaskStore:
    """What the site knows of permanent masks. Reading is from memory: it is asked with every piece of footage."""

    def __init__(self, index: Index) -> None:
        self._index = index
        rows = index.read().execute("SELECT camera, version, polygons FROM permanent_masks").fetchall()
        self._held = {camera: MasksHeld(camera, version, _polygons.decode(blob)) for camera, version, blob in rows}

    def of(self, camera: str) -> Polygons:
        """A camera's permanent masks."""
        held = self._held.get(camera)
        return held.polygons if held is not None else ()

    def ever(self, camera: str) -> bool:
        """Whether a camera has permanent masks, or had some: what is kept of it may show what they hid."""
        return camera in self._held

    def all(self) -> tuple[MasksHeld, ...]:
        """Every camera that ever had masks, by name."""
        return tuple(held for _, held in sorted(self._held.items()))

    def put(self, camera: str, version: int, polygons: Polygons) -> bool:
        """Keep a version; whether it is new here. Raises Conflict for one older than what is kept."""
        held = self._held.get(camera)
        if held is not None and (version, polygons) == (held.version, held.polygons):
            return False
        if held is not None and version <= held.version:
            raise Conflict(
                f"The site has version {held.version} of this camera's masks.", advice="Load the page again."
            )
        with self._index.write() as db:
            db.execute(
                "INSERT INTO permanent_masks (camera, version, polygons) VALUES (?, ?, ?) "
                "ON CONFLICT (camera) DO UPDATE SET version = excluded.version, polygons = excluded.polygons",
                (camera, version, msgspec.msgpack.encode(polygons)),
            )
        self._held[camera] = MasksHeld(camera, version, polygons)
        return True
