"""A site's configuration document: all that makes a site what it is, so that another box records in the place of this one.

It holds the cameras' passwords, so it never lies anywhere in the clear: the hub keeps it sealed for its wrapping key, and
it travels to the new box under a passphrase (`belvedere site document`, `belvedere site install`) or sealed for that box's key.
What it says of retention and of the line is a copy: the hub's orders rule (docs/design/fleet.md says who owns what).
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import msgspec

from belvedere.link.document import (
    FORMAT,
    CameraEntry,
    DeviceEntry,
    Document,
    LineEntry,
    MakeEntry,
    MaskEntry,
    RetentionEntry,
    SoundEntry,
    read_document,
    write_document,
)
from belvedere.media.stream import StreamKind
from belvedere.site.masked.store import MaskStore
from belvedere.site.onvif.store import StoredDevice, seal_name
from belvedere.site.storage.cameras import Address, Cameras
from belvedere.site.storage.index import Index

__all__ = ["Document", "install_document", "make_document", "read_document", "site_document", "write_document"]
# This box's own, and never another's: where its disks are, and whose code it trusts.
OWN_SETTINGS = frozenset({"footage", "release_keys"})


@cache
def _sql() -> Mapping[str, str]:
    text = (files("belvedere.site.custody") / "document.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def make_document(index: Index, cameras: Cameras, settings: Mapping[str, Any]) -> Document:
    """What this site is. Every part in the order of its names, so that equal sites have equal documents."""
    read = index.read()
    revision = read.execute("SELECT revision FROM retention_order").fetchone()
    line = read.execute("SELECT version, words, signature FROM configuration").fetchone()
    classes = read.execute("SELECT name, days, reference FROM retention_class ORDER BY name").fetchall()
    members = dict(read.execute("SELECT camera, class FROM camera_class ORDER BY camera").fetchall())
    entries = tuple(
        CameraEntry(
            camera.slug,
            camera.name,
            camera.enabled,
            _entered(camera.addresses.get(StreamKind.MAIN)),
            _entered(camera.addresses.get(StreamKind.SUB)),
        )
        for camera in sorted(cameras.all(), key=lambda each: each.slug)
    )
    return Document(
        FORMAT,
        {name: value for name, value in sorted(settings.items()) if name not in OWN_SETTINGS},
        entries,
        tuple(RetentionEntry(*row) for row in classes),
        members,
        revision[0] if revision is not None else 0,
        ("footage",) * max(1, len(settings.get("footage") or ())),
        tuple(SoundEntry(row[0], bool(row[1]), *row[2:]) for row in read.execute(_sql()["sound"]).fetchall()),
        tuple(MaskEntry(each.camera, each.version, each.polygons) for each in MaskStore(index).all()),
        tuple(MakeEntry(*row) for row in read.execute(_sql()["makes"]).fetchall()),
        tuple(_device(cameras, *row) for row in read.execute(_sql()["devices"]).fetchall()),
        LineEntry(line[0], bytes(line[1]), bytes(line[2])) if line is not None else None,
    )


def site_document(index: Index, cameras: Cameras, settings: Mapping[str, Any]) -> bytes:
    """The document of this site, canonical JSON."""
    return write_document(make_document(index, cameras, settings))


def install_document(index: Index, cameras: Cameras, document: Document, *, exact: bool = False) -> None:
    """Enter all of a document into an index. `exact`: what it does not name goes. Raises BadInput, BadAddress, Conflict.

    The hub's orders stay where a site has any; without, the classes of the document hold until the hub is heard.
    """
    named = {each.camera for each in document.cameras}
    for gone in {each.slug for each in cameras.all()} - named if exact else ():
        cameras.remove(gone)
    for each in document.cameras:
        cameras.put(each.camera, each.name, each.main_url, each.sub_url, each.enabled)
    masks = MaskStore(index)
    held = {each.camera: each.version for each in masks.all()}
    for mask in document.masks:
        if held.get(mask.camera, 0) < mask.version:
            masks.put(mask.camera, mask.version, mask.polygons)
    with index.write() as db:
        if db.execute("SELECT 1 FROM retention_order").fetchone() is None:
            db.executemany(
                "INSERT INTO retention_class (name, days, reference) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "days = excluded.days, reference = excluded.reference",
                [(each.name, each.days, each.reference) for each in document.classes],
            )
            db.executemany(
                "INSERT INTO camera_class (camera, class) VALUES (?, ?) "
                "ON CONFLICT (camera) DO UPDATE SET class = excluded.class",
                list(document.members.items()),
            )
        db.executemany(_sql()["put_sound"], [msgspec.structs.asdict(each) for each in document.sound])
        db.executemany(_sql()["put_make"], [msgspec.structs.asdict(each) for each in document.makes])
        if exact:
            db.execute("DELETE FROM device")
        for device in document.devices:
            plain = msgspec.json.encode(StoredDevice(device.address, device.username, device.password))
            sealed = cameras.shut_words(seal_name(device.camera), plain)
            db.execute(_sql()["put_device"], {"camera": device.camera, "connection": sealed})
        if document.line is not None:
            line = msgspec.structs.asdict(document.line)
            db.execute(_sql()["put_line"], line)


def _entered(address: Address | None) -> str:
    """An address as a person enters it, credentials in it."""
    if address is None or not (address.username or address.password):
        return "" if address is None else address.url
    scheme, _, rest = address.url.partition("://")
    return f"{scheme}://{quote(address.username, safe='')}:{quote(address.password, safe='')}@{rest}"


def _device(cameras: Cameras, camera: str, sealed: bytes) -> DeviceEntry:
    stored = msgspec.json.decode(cameras.open_words(seal_name(camera), sealed), type=StoredDevice)
    return DeviceEntry(camera, stored.address, stored.username, stored.password)
