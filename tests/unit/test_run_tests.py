"""How run.py runs the tests: slow files first, a few that failed once more, alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import run

from pace import lane, measured, read_times, renewed, turn, write_times

TESTS: list[object] = ["pytest", "-n", 2]


class Calls:
    """Stands for the two runs of pytest: what each exits with, and what the first writes down as failed."""

    def __init__(self, failed: list[str] | None, *codes: int) -> None:
        self.failed, self.codes = failed, list(codes)
        self.commands: list[list[object]] = []

    def __call__(self, command: list[object]) -> int:
        if not self.commands and self.failed is not None:
            Path(str(command[-1])).write_text(json.dumps(self.failed), "utf-8")
        self.commands.append(command)
        return self.codes.pop(0)


@pytest.mark.parametrize("strict", [False, True])
def test_what_fails_beside_others_and_passes_alone_is_said_and_fails_only_a_strict_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], strict: bool
) -> None:
    calls = Calls(["tests/a.py::test_b[x y]", "tests/a.py::test_c"], 1, 0)
    assert run.run_tests(TESTS, tmp_path / "failed.json", strict=strict, call=calls) == (1 if strict else 0)
    assert calls.commands == [
        [*TESTS, "--failed-to", tmp_path / "failed.json"],
        [run.PYTHON, "-m", "pytest", "tests/a.py::test_b[x y]", "tests/a.py::test_c"],
    ]
    said = capsys.readouterr().out.splitlines()[-1]
    assert (
        said
        == "FAILED beside others, PASSED alone: tests/a.py::test_b[x y], tests/a.py::test_c: unsteady, to be traced"
    )


def test_what_fails_alone_too_has_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.run_tests(TESTS, tmp_path / "failed.json", strict=False, call=Calls(["tests/a.py::test_b"], 1, 1)) == 1
    assert "unsteady" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("failed", "code"),
    [
        (["a", "b", "c", "d"], 1),  # too many to be chance
        ([], 1),
        (None, 1),  # broken off (-x): nobody knows what else fails
        (["a"], 2),  # interrupted
        (["a"], 4),  # wrong words on the command line
        ([], 0),
    ],
)
def test_nothing_is_tried_again_where_it_would_prove_nothing(
    tmp_path: Path, failed: list[str] | None, code: int
) -> None:
    stale = tmp_path / "failed.json"
    stale.write_text('["tests/of_an_earlier_run.py::test_old"]')
    calls = Calls(failed, code)
    assert run.run_tests(TESTS, stale, strict=False, call=calls) == code
    assert len(calls.commands) == 1


def test_pytest_writes_down_what_failed_in_every_worker_and_nothing_when_it_is_broken_off(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"test_{name}.py").write_text(
            "import pytest\n@pytest.fixture\ndef broken():\n    raise OSError\n"
            "def test_wrong():\n    assert 0\ndef test_error(broken):\n    pass\ndef test_right():\n    pass\n"
        )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    failed = tmp_path / "failed.json"
    pytest_here = [sys.executable, "-m", "pytest", "-p", "xdist", "-p", "conftest", "-q", "-n", "1"]
    environment = os.environ | {"PYTHONPATH": str(run.ROOT / "tests"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    pytest_here += ["--failed-to", str(failed)]
    ended = subprocess.run(pytest_here, cwd=tmp_path, env=environment, capture_output=True, timeout=120)
    assert ended.returncode == 1, ended.stdout
    wrong = [f"test_{name}.py::test_{what}" for name in ("one", "two") for what in ("error", "wrong")]
    assert json.loads(failed.read_text("utf-8")) == wrong
    failed.unlink()
    ended = subprocess.run(
        [*pytest_here, "-n", "0", "-x"], cwd=tmp_path, env=environment, capture_output=True, timeout=120
    )
    assert ended.returncode == 1 and not failed.exists(), ended.stdout


def test_slow_files_begin_first_and_what_was_never_measured_before_them() -> None:
    times = {"unit/test_quick.py": 0.1, "faults/test_slow.py": 90.0, "unit/test_other.py": 0.1}
    files = ["unit/test_quick.py", "unit/test_other.py", "faults/test_slow.py", "unit/test_new.py"]
    assert sorted(files, key=lambda file: turn(file, times)) == [
        "unit/test_new.py",
        "faults/test_slow.py",
        "unit/test_other.py",
        "unit/test_quick.py",
    ]


def test_files_that_drive_browsers_share_a_lane_and_all_others_have_their_own() -> None:
    browsers = {lane(f"tests/acceptance/test_{word}.py::test_it", 2) for word in ("live", "masks", "story")}
    assert browsers == {"browsers 0"} and lane("tests/acceptance/test_live.py", 1) == "browsers 0"
    assert {lane(f"tests/acceptance/test_{number}.py", 4) for number in range(20)} == {"browsers 0", "browsers 1"}
    assert lane("tests/unit/test_live.py::test_it[acceptance]", 2) == "tests/unit/test_live.py"


def test_the_table_of_times_is_renewed_by_what_ran_and_forgets_what_is_gone(tmp_path: Path) -> None:
    phases = [("a.py::test_x", 1.0), ("a.py::test_x", 0.25), ("a.py::test_y[1::2]", 2.0), ("b.py::test_z", 0.04)]
    assert measured(phases) == {"a.py": 3.2, "b.py": 0.0}
    table = renewed({"a.py": 9.0, "c.py": 5.0, "gone.py": 7.0}, {"a.py": 3.2}, ["c.py", "a.py", "new.py"])
    assert table == {"a.py": 3.2, "c.py": 5.0}
    write_times(table, tmp_path / "times.json")
    assert read_times(tmp_path / "times.json") == table
    assert read_times(tmp_path / "none.json") == {}
