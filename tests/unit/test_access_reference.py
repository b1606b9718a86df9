"""docs/reference/http.md names every address with its door, and every status with its codes."""

import re
from pathlib import Path
from typing import Any

from fastapi.routing import iter_route_contexts

from belvedere.foundation import errors
from belvedere.foundation.errors import BelvedereError
from belvedere.hub.access.doors import door_of
from belvedere.hub.app import create_app
from belvedere.hub.errors import status_of

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text("utf-8")

# Addresses that the page names by their files.
SAME = {
    "/map/{}": "/map/town.pmtiles",
    "/log/timestamps/{}": "/log/timestamps/DAY.checkpoint",
    "/log/tile/{}": "/log/tile/...",
}


def _no_hub() -> Any:
    raise AssertionError("not opened in this test")


def _plain(path: str) -> str:
    """A path without names of parameters and without a query."""
    return re.sub(r"\{[^}]*\}", "{}", path.partition("?")[0])


def _addresses(cell: str) -> set[str]:
    """What a cell names, as METHOD and path. `/x` or `.../x` after a whole address is below it, or beside it; `...` is anything."""
    found: set[str] = set()
    method = base = ""
    for token in re.findall(r"`([^`]*)`", cell):
        if token[0] in "{?":  # a body or a query
            continue
        word, _, path = token.partition(" ") if re.match(r"[A-Z]+\b", token) else (method, "", token)
        method, path = word, path.strip().replace("\\|", "|")
        if re.match(r"/(api|log|map|metrics|openapi)\b", path) and path != "/map":
            base = _plain(path)
            found.add(f"{method} {base}")
        else:  # a short form
            rest = _plain(path.removeprefix("..."))
            rest = rest if not rest or rest.startswith("/") else f"/{rest}"
            found |= {f"{method} {base}{rest}", f"{method} {base.rpartition('/')[0]}{rest}"}
    return found


def _told(address: str, rows: list[tuple[set[str], str]]) -> list[str]:
    """The doors that the page gives to an address."""
    return [
        door
        for named, door in rows
        if any(address == each or (each.endswith("/...") and address.startswith(each[:-3])) for each in named)
    ]


def test_every_address_is_in_the_reference_with_its_door() -> None:
    table = TEXT.split("## Addresses")[1].split("\n## ")[0]
    rows = [
        (_addresses(cell), door)
        for cell, door in re.findall(r"^\| (.+?) \| (.+?) \| .+? \|$", table, re.MULTILINE)
        if cell.startswith("`")
    ]
    missing = []
    for context in iter_route_contexts(create_app(_no_hub).routes):
        door, path = door_of(context.endpoint), _plain(context.path or "")
        assert door is not None
        if context.path == "/{path:path}":
            assert "| everything else | public |" in table
            continue
        said = {"signed_in": "signed in"}.get(door.kind, str(door))
        for method in context.methods or ("WS",):
            doors = _told(f"{method} {SAME.get(path, path)}", rows)
            if door.roles:
                fits = [set(re.findall(r"\w+", each)) - {"roles"} == door.roles for each in doors]
            else:
                fits = [each.replace("(", " (").replace("  ", " ").startswith(said) for each in doors]
            if not fits or not all(fits):
                missing.append((method, path, str(door), doors))
    assert missing == []


def test_every_error_has_the_status_that_the_reference_says() -> None:
    rows = dict(re.findall(r"^\| ([\d, ]+) \| (.+) \|$", TEXT.split("## Errors")[1].split("\n## ")[0], re.MULTILINE))
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, BelvedereError):
            line = rows[str(status_of(kind("x")))]
            parents = [each.code for each in kind.__mro__ if issubclass(each, BelvedereError)]
            assert any(f"`{code}`" in line for code in parents), (kind, line)
