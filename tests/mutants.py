"""Changes each operator, number, member and refusal of a module, one at a time, and asks the tests whether they notice.

    python tests/mutants.py PACKAGE TESTS... [--json FILE]

Every mutant is a child of this process, which has imported everything but the package under test, so that it costs little.
What is not changed: texts that people read, annotations, docstrings, decorators and arguments of classes.
"""

import argparse
import ast
import copy
import functools
import importlib
import importlib.abc
import importlib.util
import inspect
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_S = 20
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
MEMBERS = {
    "Action": ("LIVE", "PLAYBACK", "SEARCH", "STILL", "EXPORT", "PTZ", "UNMASK"),
    "Need": ("REASON", "LEGAL_BASIS", "RECIPIENT", "SPAN", "TRAINING", "SPSS"),
    "Outcome": ("ALLOW", "APPROVAL", "REFUSE"),
    "Per": ("GRANT", "USER_DAY", "QUERY"),
    "PurposeKind": ("DUTY", "INCIDENT", "BREAK_GLASS", "REQUEST", "TICKET"),
    "Reach": ("ANY", "NEAR", "WIDE"),
    "Role": ("OPERATOR", "INVESTIGATOR", "SUPERVISOR", "CASE_APPROVER", "MANAGER", "DPO", "AUDITOR"),
    "Second": ("NONE", "BEFORE", "AFTER"),
    "StepUp": ("NONE", "RECENT", "BOUND"),
    "Zone": ("OWN", "ANY"),
}
Mutant = tuple[str, ast.Module]


class Places(ast.NodeVisitor):
    """Collects what can be changed, as (node, what it says, how to change it)."""

    def __init__(self) -> None:
        self.found: list[tuple[ast.AST, str, Callable[[Any], None]]] = []

    def add(self, node: ast.AST, says: str, change: Callable[[Any], None]) -> None:
        self.found.append((node, says, change))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for each in node.body:
            self.visit(each)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in (*node.args.defaults, *(each for each in node.args.kw_defaults if each is not None)):
            self.visit(default)
        for each in node.body:
            self.visit(each)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
            self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.add(node, "left out", _leave_out)
            self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.add(node, "not raised", _leave_out)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for at, op in enumerate(node.ops):
            if type(op) in SWAPS:
                other = SWAPS[type(op)]
                self.add(
                    node,
                    f"{type(op).__name__} to {other.__name__}",
                    functools.partial(_other_operator, at, other),
                )
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = SWAPS[type(node.op)]
        self.add(node, f"{type(node.op).__name__} to {other.__name__}", lambda n: setattr(n, "op", other()))
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in SWAPS:
            other = SWAPS[type(node.op)]
            self.add(node, f"{type(node.op).__name__} to {other.__name__}", lambda n: setattr(n, "op", other()))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self.add(node, "not, doubled", lambda n: setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand)))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.add(node, f"{node.value} to {not node.value}", lambda n: setattr(n, "value", not n.value))
        elif isinstance(node.value, int):
            self.add(node, f"{node.value} to {node.value + 1}", lambda n: setattr(n, "value", n.value + 1))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """A text that people read."""

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and node.attr in MEMBERS.get(node.value.id, ()):
            names = MEMBERS[node.value.id]
            other = names[(names.index(node.attr) + 1) % len(names)]
            self.add(node, f"{node.attr} to {other}", lambda n: setattr(n, "attr", other))
        self.generic_visit(node)

    def visit_Set(self, node: ast.Set) -> None:
        if len(node.elts) > 1:
            for at in range(len(node.elts)):
                self.add(node, f"member {at} left out", functools.partial(_less, at))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in CALLS:
            other = CALLS[node.func.id]
            self.add(node.func, f"{node.func.id} to {other}", lambda n: setattr(n, "id", other))
        if isinstance(node.func, ast.Name) and node.func.id == "No" and isinstance(node.args[0], ast.Constant):
            self.add(node.args[0], "another rule", lambda n: setattr(n, "value", n.value + "?"))
        self.generic_visit(node)


def _other_operator(at: int, other: type[ast.AST], node: Any) -> None:
    node.ops[at] = other()


def _less(at: int, node: Any) -> None:
    node.elts.pop(at)


def _leave_out(node: Any) -> None:
    node.__class__ = ast.Pass
    node._fields = ()


def mutants(source: str) -> Iterator[Mutant]:
    """Each mutant of a module, with what was changed."""
    whole = ast.parse(source)
    seen = Places()
    seen.visit(whole)
    for number in range(len(seen.found)):
        tree = copy.deepcopy(whole)
        places = Places()
        places.visit(tree)
        node, says, change = places.found[number]
        line = getattr(node, "lineno", 0)
        change(node)
        yield f"{line}: {says}", ast.fix_missing_locations(tree)


class Replaced(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Puts a changed module in the place of the real one."""

    def __init__(self, name: str, file: Path, tree: ast.Module) -> None:
        self._name, self._file, self._tree = name, file, tree

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._file, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, str(self._file), "exec"), module.__dict__)


def run_tests(names: Sequence[str]) -> None:
    """Every test function of these modules that takes nothing, its parameters, or `monkeypatch`. Raises what a test raises."""
    for name in names:
        module = importlib.import_module(name)
        for word, test in vars(module).items():
            if not word.startswith("test_") or hasattr(test, "hypothesis"):
                continue
            marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
            for values in marks[0].args[1] if marks else [()]:
                words = (
                    [each.strip() for each in marks[0].args[0].split(",")]
                    if marks and isinstance(marks[0].args[0], str)
                    else []
                )
                words = list(marks[0].args[0]) if marks and not words else words
                given = dict(zip(words, values if len(words) > 1 else (values,), strict=True)) if marks else {}
                with pytest.MonkeyPatch.context() as patch:
                    wants = inspect.signature(test).parameters
                    test(**given, **({"monkeypatch": patch} if "monkeypatch" in wants else {}))


def killed(name: str, file: Path, tree: ast.Module, tests: Sequence[str]) -> bool:
    """Whether the tests notice. In a child of its own, which is given `LONGEST_S`."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(LONGEST_S)
            sys.meta_path.insert(0, Replaced(name, file, tree))
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                run_tests(tests)
            code = 0
        except BaseException:  # noqa: BLE001 - whatever a mutant does, it was noticed
            code = 1
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] != 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", help="such as belvedere.policy")
    parser.add_argument("tests", nargs="+", help="names of test modules")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "unit")]
    before = set(sys.modules)
    for name in options.tests:  # what they import besides the package stays imported
        importlib.import_module(name)
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if name.startswith("belvedere") or file.startswith(str(ROOT / "tests")):
            del sys.modules[name]
    child = os.fork()
    if child == 0:
        try:
            run_tests(options.tests)
        except BaseException:  # noqa: BLE001 - shown, and the exit code says it
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.stderr.write("The tests fail without any change.\n")
        return 2
    folder = ROOT / "src" / Path(*options.package.split("."))
    survivors, count = [], 0
    for file in sorted(folder.glob("*.py")):
        for says, tree in mutants(file.read_text("utf-8")):
            count += 1
            if not killed(f"{options.package}.{file.stem}", file, tree, options.tests):
                survivors.append(f"{file.name}:{says}")
                sys.stderr.write(f"survived {survivors[-1]}\n")
    result = {"mutants": count, "survivors": survivors}
    if options.json:
        options.json.write_text(json.dumps(result), "utf-8")
    sys.stdout.write(json.dumps(result) + "\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
