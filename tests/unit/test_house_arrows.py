"""The rooms of the house: arrows point down only, nobody but the clock asks for the time, nothing recognises faces."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "belvedere"
# A room may import rooms of a lower floor. Hub and site stand on the same floor and never see each other.
FLOORS = {
    "foundation": 0,
    "tlog": 1,
    "policy": 2,
    "media": 3,
    "link": 4,
    "vision": 5,
    "site": 6,
    "hub": 6,
    "demo": 7,
    "cli": 8,
}
FORBIDDEN = {
    "face_recognition",
    "insightface",
    "deepface",
    "facenet",
    "facenet_pytorch",
    "arcface",
    "torchreid",
    "fastreid",
}
LONGEST = 450


def modules() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute"
            yield node.module


def test_every_room_has_a_floor() -> None:
    rooms = {path.relative_to(SRC).parts[0] for path in modules() if len(path.relative_to(SRC).parts) > 1}
    assert rooms - {"ui"} <= set(FLOORS)


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(SRC).as_posix())
def test_module_keeps_the_house_rules(path: Path) -> None:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    parts = path.relative_to(SRC).parts
    room = parts[0] if len(parts) > 1 else None
    for name in imports(tree):
        assert name.split(".")[0] not in FORBIDDEN, f"{name}: never in this product"
        if not name.startswith("belvedere.") or room is None:
            continue
        other = name.split(".")[1]
        if other in FLOORS and other != room:
            assert FLOORS[other] < FLOORS[room], f"{room} must not import {name}"
    if parts != ("foundation", "clock.py"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called = f"{node.value.id}.{node.attr}"
                assert called not in ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow"), (
                    f"line {node.lineno}: {called}; pass a Clock"
                )
    assert ast.get_docstring(tree), "a module says what it is"
    assert text.count("\n") <= LONGEST, "split by noun"


def test_no_room_without_a_noun() -> None:
    names = {part.removesuffix(".py") for path in modules() for part in path.relative_to(SRC).parts}
    assert not names & {"util", "utils", "common", "helper", "helpers", "manager", "misc"}
