"""XML from cameras: hostile until read. A small tree, no document types, no entities, bounded in size, depth and count.

Python's own expat reads it; what makes XML dangerous (DOCTYPE, and with it every entity and outside reference) is refused
before it is looked at. Bytes that are no UTF-8 are replaced: cameras write names in whatever they are set to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from belvedere.foundation.errors import CameraProtocol

MAX_BYTES = 1 << 20
_MAX_DEPTH = 64
_MAX_NODES = 20_000
_MAX_TEXT = 64 << 10  # of one element
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
# By hand: xml.sax.saxutils loads all of urllib and http for two replacements.
_CONTENT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ATTRIBUTE = _CONTENT | str.maketrans({'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


@dataclass(slots=True)
class Node:
    """An element: its name without the namespace, which stands beside it."""

    name: str
    namespace: str
    attributes: dict[str, str]
    children: list["Node"] = field(default_factory=list)
    text: str = ""

    def walk(self) -> Iterator["Node"]:
        """This element and all below it, in document order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def find(self, name: str) -> "Node | None":
        """The first element of that name below this one, whatever its namespace; firmware mixes them up."""
        return next((node for node in self.walk() if node.name == name and node is not self), None)

    def all(self, name: str) -> list["Node"]:
        """All elements of that name below this one."""
        return [node for node in self.walk() if node.name == name and node is not self]

    def child(self, name: str) -> "Node | None":
        """The first direct child of that name."""
        return next((node for node in self.children if node.name == name), None)

    def value(self, name: str) -> str:
        """The text of the first element of that name below this one, "" when there is none."""
        node = self.find(name)
        return node.text.strip() if node is not None else ""


def shown(text: str, most: int = 100) -> str:
    """`text` from a camera, fit to be shown: one line, nothing invisible, not endless."""
    return " ".join(_UNSEEN.sub(" ", text).split())[:most]


def quoted(text: str) -> str:
    """`text` as the content of an element."""
    return _FORBIDDEN.sub("", text).translate(_CONTENT)


def quoted_attribute(text: str) -> str:
    """`text` as an attribute's value, with its quotes."""
    return f'"{_FORBIDDEN.sub("", text).translate(_ATTRIBUTE)}"'


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self._spaces: list[dict[str, str]] = []
        self._sizes: list[int] = []
        self._count = 0

    def doctype(self, *_: object) -> None:
        raise _refused("it declares a document type")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > _MAX_NODES or len(self._open) >= _MAX_DEPTH:
            raise _refused("it is nested too deep or too long")
        declared, kept = {}, {}
        for key, value in attributes.items():
            prefix, _, local = key.rpartition(":")
            if "xmlns" in (prefix, key):
                declared[local if prefix else ""] = value
            else:
                kept[local] = value
        self._spaces.append(declared)
        prefix, _, local = name.rpartition(":")
        # A prefix that was never declared is common in firmware, and no reason to understand nothing.
        namespace = next((spaces[prefix] for spaces in reversed(self._spaces) if prefix in spaces), "")
        node = Node(local, namespace, kept)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._texts.append([])
        self._sizes.append(0)

    def end(self, _name: str) -> None:
        self._spaces.pop()
        self._open.pop().text = "".join(self._texts.pop())
        self._sizes.pop()

    def characters(self, data: str) -> None:
        if self._open and self._sizes[-1] < _MAX_TEXT:
            self._texts[-1].append(data[: _MAX_TEXT - self._sizes[-1]])
            self._sizes[-1] += len(data)


def parse(data: bytes) -> Node:
    """The root element of a document. Raises CameraProtocol, whatever the bytes are."""
    if len(data) > MAX_BYTES:
        raise _refused("it is too long")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = _FORBIDDEN.sub("", data.decode(encoding, "replace").removeprefix("\ufeff"))
    text = _DECLARATION.sub("", text)
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    try:
        parser.Parse(text.encode("utf-8"), True)
    except expat.ExpatError as error:
        raise _refused("it is not well-formed") from error
    if builder.root is None:
        raise _refused("it is empty")
    return builder.root


def _refused(why: str) -> CameraProtocol:
    return CameraProtocol(
        f"The device's XML is not accepted: {why}.",
        advice="Check that the address is an ONVIF device; if it is, update its firmware.",
    )
