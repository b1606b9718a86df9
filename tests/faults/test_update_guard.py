"""The guard of releases: it switches, it goes back by itself, and whatever it is killed at, one whole release runs afterwards."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from belvedere.site.update import guard as module
from belvedere.site.update.guard import HEALTH, OUTCOME, TRIAL_FILE, Shelf
from update_stage import asked, stub


class PowerCut(BaseException):
    """The world ends here."""


class Cutting:
    """Ends the world at the n-th step."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.passed: list[str] = []

    def __call__(self, step: str) -> None:
        self.passed.append(step)
        if self._left == 0:
            raise PowerCut
        self._left -= 1


def shelf(tmp_path: Path, former: str = "well") -> Shelf:
    """Installed with a floor, on 1.1.0 now, 1.2.0 built beside it."""
    folder = tmp_path / "site" / "releases"
    stub(tmp_path / "floor", "well", whole=False)
    stub(folder / "1.1.0", former)
    stub(folder / "1.2.0", "well")
    made = Shelf(folder, tmp_path / "floor")
    made.point("1.1.0")
    return made


def lives(found: Shelf) -> None:
    """What must hold after any end of the world: something whole is current, and a switch comes to its end."""
    for _ in range(module.MOST_STARTS + 2):
        trial = found.settle()
        place = found.place()
        assert (place / "bin" / "belvedere").is_file()
        if trial is None:
            break
        assert place.name == "1.2.0", "on trial, it is what runs"
    assert found.read(TRIAL_FILE) is None


@pytest.mark.parametrize("ending", ["well", "back", "not said"])
def test_a_power_cut_at_any_step_of_a_switch_leaves_one_whole_release(tmp_path: Path, ending: str) -> None:
    at, cuts = 0, 0
    while True:
        here = tmp_path / str(at)
        found = shelf(here)
        found.write(TRIAL_FILE, asked("1.2.0", "1.1.0"))
        cutting = Cutting(at)
        mortal = Shelf(found.folder, found.floor, cutting)
        try:
            trial = mortal.settle()
            assert trial is not None
            if ending == "well":
                mortal.well(trial)
            elif ending == "back":
                mortal.back(trial, "It was not healthy.")
        except PowerCut:
            cuts += 1
        lives(found)
        outcome = found.read(OUTCOME)
        assert outcome is not None and outcome["rollout"] == "rollout_1"
        stays = outcome["phase"] == "healthy"
        assert found.place().name == ("1.2.0" if stays else "1.1.0")
        assert stays or outcome["why"]
        if at >= len(cutting.passed):
            break
        at += 1
    assert cuts == at >= 5


def test_a_switch_to_what_is_not_there_in_full_is_no_switch(tmp_path: Path) -> None:
    found = shelf(tmp_path)
    (found.folder / "1.2.0" / module.WHOLE).unlink()
    found.write(TRIAL_FILE, asked("1.2.0", "1.1.0"))
    assert found.settle() is None and found.place().name == "1.1.0"
    outcome = found.read(OUTCOME)
    assert outcome is not None and outcome["phase"] == "rolled_back" and "in full" in str(outcome["why"])


@pytest.mark.parametrize("name", ["../../etc", "1.2", "/etc", "1.2.0/../..", "x.y.z"])
def test_a_name_that_leads_elsewhere_is_never_run(tmp_path: Path, name: str) -> None:
    found = shelf(tmp_path)
    found.write(TRIAL_FILE, asked(name, "1.1.0"))
    assert found.settle() is None and found.place().name == "1.1.0"
    (found.folder / "current").unlink()
    (found.folder / "current").symlink_to(name)
    assert found.place() == (tmp_path / "floor").resolve()


def test_words_that_make_no_sense_change_nothing(tmp_path: Path) -> None:
    found = shelf(tmp_path)
    (found.folder / TRIAL_FILE).write_bytes(b"\x00\xff{")
    assert found.settle() is None and found.place().name == "1.1.0"
    (found.folder / "1.1.0" / module.WHOLE).unlink()
    assert found.place() == (tmp_path / "floor").resolve()


@contextmanager
def guarded(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The guard as the service runs it: a copy outside the package, with another Python's isolation."""
    copy = tmp_path / "guard.py"
    copy.write_bytes(Path(module.__file__).read_bytes())
    command = [sys.executable, "-I", str(copy), "--data", str(tmp_path), "--floor", str(tmp_path / "floor")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def life(tmp_path: Path, *until: str) -> list[str]:
    """What the releases did, once the last things are these."""
    said: list[str] = []
    for _ in range(3000):
        said = (tmp_path / "life").read_text("utf-8").splitlines() if (tmp_path / "life").exists() else []
        if said[-len(until) :] == list(until):
            return said
        time.sleep(0.02)
    raise AssertionError(f"{said} does not end with {until}")


def outcome(found: Shelf) -> dict[str, object]:
    """How the switch ended, once it has."""
    for _ in range(3000):
        said = found.read(OUTCOME)
        if said is not None and found.read(TRIAL_FILE) is None:
            return said
        time.sleep(0.02)
    raise AssertionError("no end")


def test_a_release_is_switched_to_and_stays_once_it_is_healthy(tmp_path: Path) -> None:
    found = shelf(tmp_path)
    with guarded(tmp_path):
        life(tmp_path, "1.1.0 records")
        found.write(TRIAL_FILE, asked("1.2.0", "1.1.0"))
        life(tmp_path, "1.1.0 records", "1.1.0 ends", "1.2.0 records")
        assert outcome(found)["phase"] == "healthy"
    assert life(tmp_path, "1.2.0 ends") and found.place().name == "1.2.0"


@pytest.mark.parametrize(
    ("how", "within_s", "why"),
    [("dead", 60.0, "status 3"), ("sick", 0.5, "Not recorded: gate (main)."), ("silent", 0.5, "It said nothing.")],
)
def test_a_release_that_is_not_healthy_in_time_is_rolled_back_with_the_reason(
    tmp_path: Path, how: str, within_s: float, why: str
) -> None:
    found = shelf(tmp_path)
    (found.folder / "1.2.0" / "how").write_text(how, "utf-8")
    if how == "sick":  # it says the same itself, but perhaps not in half a second
        found.write(HEALTH, {"token": "token 1.2.0", "well": False, "why": why})
    with guarded(tmp_path):
        life(tmp_path, "1.1.0 records")
        found.write(TRIAL_FILE, asked("1.2.0", "1.1.0", within_s))
        said = outcome(found)
        assert said["phase"] == "rolled_back" and why in str(said["why"])
        life(tmp_path, "1.1.0 records")
    assert found.place().name == "1.1.0"


def test_a_guard_that_is_killed_in_the_middle_of_a_trial_leaves_nothing_behind_and_its_successor_ends_it(
    tmp_path: Path,
) -> None:
    found = shelf(tmp_path)
    (found.folder / "1.2.0" / "how").write_text("silent", "utf-8")
    with guarded(tmp_path) as guard:
        life(tmp_path, "1.1.0 records")
        found.write(TRIAL_FILE, asked("1.2.0", "1.1.0"))
        life(tmp_path, "1.2.0 records")
        os.kill(guard.pid, signal.SIGKILL)
        guard.wait(60)
        life(tmp_path, "1.2.0 ends")
    (found.folder / "1.2.0" / "how").write_text("well", "utf-8")
    with guarded(tmp_path):
        assert outcome(found)["phase"] == "healthy"
    assert found.place().name == "1.2.0"


def test_the_service_manager_hears_of_each_start_and_of_no_stop_but_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = shelf(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")
        manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + manager.getsockname()[1:].decode())
        with guarded(tmp_path):
            assert manager.recv(100) == b"1.1.0\nREADY=1"
            found.write(TRIAL_FILE, asked("1.2.0", "1.1.0"))
            assert manager.recv(100) == b"1.2.0\nREADY=1", "the end of 1.1.0 is no stop of the service"
            assert outcome(found)["phase"] == "healthy"
        assert manager.recv(100) == b"1.2.0\nSTOPPING=1"


def test_what_ends_by_itself_is_left_to_the_service_manager(tmp_path: Path) -> None:
    found = shelf(tmp_path, former="dead")
    with guarded(tmp_path) as guard:
        assert guard.wait(60) == 3
    assert found.place().name == "1.1.0" and found.read(OUTCOME) is None
