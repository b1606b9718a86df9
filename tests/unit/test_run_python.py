"""Which Python run.py makes the environment with."""

import sys
from pathlib import Path

import pytest
import run


def python(folder: Path, name: str, prints: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{prints}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture(autouse=True)
def no_named_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BELVEDERE_PYTHON", raising=False)


def test_the_systems_python_is_taken_when_it_is_much_faster_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, system = python(tmp_path, "own", "echo 0.03"), python(tmp_path, "system", "echo 0.012")
    assert run.interpreter(own, Path(system)) == system
    assert system in capsys.readouterr().out


@pytest.mark.parametrize("system", ["echo 0.029", "echo 0.001; exit 1", "echo no number", "exit 3"])
def test_ones_own_is_kept_when_the_systems_is_no_faster_or_not_fit(tmp_path: Path, system: str) -> None:
    own = python(tmp_path, "own", "echo 0.03")
    assert run.interpreter(own, Path(python(tmp_path, "system", system))) == own
    assert run.interpreter(own, tmp_path / "none") == own


def test_a_named_one_is_taken_and_must_be_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELVEDERE_PYTHON", sys.executable)
    assert run.interpreter("own") == sys.executable
    monkeypatch.setenv("BELVEDERE_PYTHON", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="BELVEDERE_PYTHON"):
        run.interpreter("own")


def test_a_real_python_is_measured() -> None:
    assert 0 < run.pace(sys.executable) < 60
