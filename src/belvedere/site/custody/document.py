"""A site's configuration document: what a new box needs to record in the place of this one.

It holds the cameras' passwords, so it never lies anywhere in the clear: the hub keeps it sealed for its wrapping key, and
it travels to the new box under a passphrase (`belvedere site document`, `belvedere site install`).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from belvedere.foundation.errors import BadInput
from belvedere.media.stream import StreamKind
from belvedere.site.storage.cameras import Address, Cameras
from belvedere.site.storage.index import Index

FORMAT = 1


class CameraEntry(msgspec.Struct, frozen=True):
    """One camera with its addresses as they were entered, user name and password in them."""

    camera: str
    name: str
    enabled: bool
    main_url: str
    sub_url: str


class RetentionEntry(msgspec.Struct, frozen=True):
    name: str
    days: int
    reference: str


class Document(msgspec.Struct, frozen=True):
    """`settings`: the `[site]` section. `classes` and `members`: retention classes, and which camera is in which."""

    format: int
    settings: dict[str, Any]
    cameras: tuple[CameraEntry, ...]
    classes: tuple[RetentionEntry, ...]
    members: dict[str, str]


def site_document(index: Index, cameras: Cameras, settings: Mapping[str, Any]) -> bytes:
    """The document of this site, canonical JSON."""
    read = index.read()
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
        for camera in cameras.all()
    )
    document = Document(FORMAT, dict(settings), entries, tuple(RetentionEntry(*row) for row in classes), members)
    return msgspec.json.encode(document, order="sorted")


def _entered(address: Address | None) -> str:
    """An address as a person enters it, credentials in it."""
    if address is None or not (address.username or address.password):
        return "" if address is None else address.url
    scheme, _, rest = address.url.partition("://")
    return f"{scheme}://{quote(address.username, safe='')}:{quote(address.password, safe='')}@{rest}"


def read_document(plain: bytes) -> Document:
    """Raises BadInput."""
    try:
        found = msgspec.json.decode(plain, type=Document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(
            f"This is no site document: {error}.", advice="Make it with `belvedere site document`."
        ) from error
    if found.format != FORMAT:
        raise BadInput(f"This site document has format {found.format}.", advice="Use a newer Belvedere.")
    return found


def install_document(index: Index, cameras: Cameras, document: Document) -> None:
    """Enter the cameras and retention classes into an index. Raises BadInput, BadAddress."""
    for each in document.cameras:
        cameras.put(each.camera, each.name, each.main_url, each.sub_url, each.enabled)
    with index.write() as db:
        db.executemany(
            "INSERT INTO retention_class (name, days, reference) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
            "days = excluded.days, reference = excluded.reference",
            [(each.name, each.days, each.reference) for each in document.classes],
        )
        db.executemany(
            "INSERT INTO camera_class (camera, class) VALUES (?, ?) ON CONFLICT (camera) DO UPDATE SET class = excluded.class",
            list(document.members.items()),
        )
