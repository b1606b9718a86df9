"""A site's document as people may read it, and what is different between two: credentials are said to differ, never shown."""

from typing import Any

import msgspec

from belvedere.site.custody.document import Document
from belvedere.site.storage.cameras import address_of

_PARTS = (
    ("cameras", "Camera"),
    ("sound", "Sound of"),
    ("masks", "Masks of"),
    ("makes", "Make of"),
    ("devices", "Device of"),
)


def open_words(document: Document) -> dict[str, Any]:
    """The document as people may read it: whether there are credentials, and not which."""
    words: dict[str, Any] = msgspec.to_builtins(document)
    for each, entry in zip(words["cameras"], document.cameras, strict=True):
        each["main_url"], each["main_credentials"] = _open(entry.main_url)
        each["sub_url"], each["sub_credentials"] = _open(entry.sub_url)
    for each in words["devices"]:
        each["credentials"] = bool(each.pop("username") or each.pop("password", ""))
        each.pop("password", None)
    if document.line is not None:
        words["line"] = msgspec.json.decode(document.line.words)
    return words


def difference(before: Document, after: Document) -> list[tuple[str, str, str]]:
    """What is different: what, before, after."""
    was, will = _flat(before), _flat(after)
    old, new = _secrets(before), _secrets(after)
    changed = [
        (what, was.get(what, ""), will.get(what, "")) for what in {*was, *will} if was.get(what) != will.get(what)
    ]
    changed += [
        (
            what,
            "credentials" if what in old else "none",
            "other credentials" if what in old and what in new else _some(what in new),
        )
        for what in {*old, *new}
        if old.get(what) != new.get(what)
    ]
    return sorted(changed)


def _open(url: str) -> tuple[str, bool]:
    """An address without its credentials, and whether it had any."""
    if not url:
        return "", False
    address = address_of(url)
    return address.url, bool(address.username or address.password)


def _some(there: bool) -> str:
    return "credentials" if there else "none"


def _secrets(document: Document) -> dict[str, tuple[str, str]]:
    """User name and password of each address that has any."""
    found = {}
    for entry in document.cameras:
        for name, url in (("main", entry.main_url), ("sub", entry.sub_url)):
            address = address_of(url) if url else None
            if address is not None and (address.username or address.password):
                found[f"Camera {entry.camera}, {name} credentials"] = address.username, address.password
    for each in document.devices:
        if each.username or each.password:
            found[f"Device of {each.camera}, credentials"] = each.username, each.password
    return found


def _flat(document: Document) -> dict[str, str]:
    """Each thing that a person would name, but credentials, in words that can be compared."""
    words, flat = open_words(document), {}
    for name, value in words["settings"].items():
        flat[f"Setting {name}"] = _say(value)
    for part, title in _PARTS:
        for each in words[part]:
            camera = each.pop("camera")
            flat |= {
                f"{title} {camera}, {name}": _say(value) for name, value in each.items() if "credentials" not in name
            }
    flat |= {f"Retention class {each.name}": f"{each.days} days {each.reference}".strip() for each in document.classes}
    flat |= {f"Retention of {camera}": name for camera, name in document.members.items()}
    flat["Retention orders"], flat["Disks"] = str(document.retention_revision), ", ".join(document.disks)
    flat["Line"] = _say(words["line"])
    return flat


def _say(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
