"""Every kind of entry that the code appends stands in the page about the log and has words for people."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from belvedere.hub.audit.words import _SENTENCES

ROOT = Path(__file__).parents[2]
KIND = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
WRITERS = {"append": 3, "note": 2, "_note": 3, "noting": 3}  # names of what enters or notes an act, with most arguments


def kinds_in(tree: ast.AST, constants: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Kinds that calls in `tree` write: spelt out, chosen by a condition, or by the name of a constant."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.func if isinstance(node.func, ast.Call) else node.func  # noting(clock)(...)
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if not 2 <= len(node.args) <= WRITERS.get(name, 0):
            continue
        for argument in node.args[:2]:
            for end in ends_of(argument):
                texts = [end.value] if isinstance(end, ast.Constant) else constants.get(getattr(end, "id", ""), ())
                yield from (text for text in texts if isinstance(text, str) and KIND.fullmatch(text))


def ends_of(value: ast.expr) -> list[ast.expr]:
    """What a value may be, by a condition."""
    return [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]


def named(node: ast.Assign) -> Iterator[tuple[str, str]]:
    """Names and texts of an assignment: `A = "x"`, `A, B = "x", "y"`, `a = "x" if p else "y"`."""
    for target in node.targets:
        several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        pairs = zip(target.elts, node.value.elts, strict=False) if several else [(target, node.value)]  # type: ignore[attr-defined]
        for name, value in pairs:
            for end in ends_of(value):
                if isinstance(name, ast.Name) and isinstance(end, ast.Constant) and isinstance(end.value, str):
                    yield name.id, end.value


def written() -> set[str]:
    found: set[str] = set()
    trees = [ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / "src" / "belvedere").rglob("*.py"))]
    constants: dict[str, set[str]] = {}  # several rooms may use one name
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Assign):
            for name, text in named(node):
                constants.setdefault(name, set()).add(text)
    for tree in trees:
        found.update(kinds_in(tree, constants))
    return found


def listed() -> set[str]:
    text = (ROOT / "docs" / "design" / "log.md").read_text("utf-8")
    return {kind for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE) for kind in re.findall(r"`([^`]+)`", row)}


def test_every_kind_is_in_the_page_and_has_words() -> None:
    kinds = written()
    assert len(kinds) > 60, "the search found what the code writes"
    assert not kinds - listed(), "rows missing in docs/design/log.md"
    assert not kinds - set(_SENTENCES), "words missing in hub/audit/words.py"


def test_the_search_finds_each_way_of_writing() -> None:
    code = (
        "audit.append('a.one', by, {})\naudit.append('a.two' if x else THREE, by, {})\nself._note(db, 'a.four', {})\n"
        "register.note('a.five', {})\nrows.append('not.this')\n"
    )
    assert set(kinds_in(ast.parse(code), {"THREE": ["a.three", "Words."]})) == {
        "a.one",
        "a.two",
        "a.three",
        "a.four",
        "a.five",
    }
