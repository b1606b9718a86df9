"""Which Python run.py makes the environment with."""

import sys
from pathlib import Path

import pytest
import run


def python(folder: Path, name: str, does: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture(autouse=True)
def no_named_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BELVEDERE_PYTHON", raising=False)


def test_the_systems_python_is_taken_instead_of_a_slow_one_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system = python(tmp_path, "system", "exit 0")
    assert run.interpreter("own", Path(system), lambda: True) == system
    assert system in capsys.readouterr().out


def test_ones_own_is_kept_when_it_is_no_slow_one_or_the_systems_is_not_fit(tmp_path: Path) -> None:
    system = Path(python(tmp_path, "system", "exit 1"))
    assert run.interpreter("own", system, lambda: True) == "own"
    assert run.interpreter("own", tmp_path / "none", lambda: True) == "own"
    assert run.interpreter("own", Path(python(tmp_path, "fit", "exit 0")), lambda: False) == "own"


def test_a_named_one_is_taken_and_must_be_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELVEDERE_PYTHON", sys.executable)
    assert run.interpreter("own") == sys.executable
    monkeypatch.setenv("BELVEDERE_PYTHON", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="BELVEDERE_PYTHON"):
        run.interpreter("own")
