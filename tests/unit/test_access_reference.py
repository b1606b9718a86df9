"""docs/reference/http.md names every address with its door, and every status with its codes."""

import re
from pathlib import Path
from typing import Any

from belvedere.foundation import errors
from belvedere.foundation.errors import BelvedereError
from belvedere.hub.access.doors import door_of
from belvedere.hub.app import create_app, routes_of
from belvedere.hub.errors import status_of

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text("utf-8")


def _no_hub() -> Any:
    raise AssertionError("not opened in this test")


def test_every_address_is_in_the_reference_with_its_door() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| .+? \|$", TEXT.split("## Addresses")[1].split("\n## ")[0], re.MULTILINE)
    for path, endpoint, _ in routes_of(create_app(_no_hub)):
        door = door_of(endpoint)
        assert door is not None
        if path == "/{path:path}":
            path = "everything else"
        short = re.sub(r"\{.*", "", path).removesuffix("/")
        doors = [
            told
            for address, told in rows
            if short in address or (short.startswith("/api/play") and "/api/play" in address)
        ]
        words = {"signed_in": "signed in"}.get(door.kind, str(door.kind))
        assert any(told.startswith(words) for told in doors), (path, str(door), doors)
        if door.action is not None:
            assert f"granted({door.action})" in doors


def test_every_error_has_the_status_that_the_reference_says() -> None:
    rows = dict(re.findall(r"^\| ([\d, ]+) \| (.+) \|$", TEXT.split("## Errors")[1].split("\n## ")[0], re.MULTILINE))
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, BelvedereError):
            line = rows[str(status_of(kind("x")))]
            parents = [each.code for each in kind.__mro__ if issubclass(each, BelvedereError)]
            assert any(f"`{code}`" in line for code in parents), (kind, line)
