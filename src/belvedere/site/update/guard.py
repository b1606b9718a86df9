"""Starts the site's current release, switches to another when the site asks, and goes back when that one is not healthy in time.

`python3 guard.py --data DATA --floor DIR`, as the service runs it. A copy of this file lies outside every release, and it
uses the system's Python and nothing of a release, so that no release can break it. Where a release ends without being on trial, it
ends too, with the same status: the service manager starts it again.
"""

import argparse
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

ASKED, TRIAL, BACK, WELL = "asked", "trial", "back", "well"
MOST_STARTS = 3  # of a release on trial: a power cut or a restart of the box is not its fault
WHOLE, TRIAL_FILE, OUTCOME, HEALTH, CURRENT = "whole.json", "trial.json", "outcome.json", "health.json", "current"

Facts = dict[str, Any]
UNDER_GUARD = "SITE_GUARD"  # tells the site that it may ask for a switch, and which words the guard knows
WORDS = "1"
_LOOK_S = 0.25
_END_S = 170.0  # less than the service manager gives (TimeoutStopSec)
_PR_SET_PDEATHSIG = 1


def _end_with_me() -> None:
    """Runs in the child before exec: a guard that was killed leaves nothing behind that records beside its successor."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Shelf:
    """The folder of a site's releases, and which of them runs. Blocks. The site asks for a trial; everything else is the guard's.

    `releases/VERSION/` is a release with its own Python environment; it counts once `whole.json` lies in it. `releases/current`
    names the one that runs; without it, the one that the box was installed with does (the floor, which the site can't write).
    `trial.json` is a switch under way. Every change is one rename, synced: a power cut leaves the state before it or after it.
    """

    def __init__(self, folder: Path, floor: Path = Path(), step: Callable[[str], None] | None = None) -> None:
        """`floor`: what the box was installed with; the guard alone needs it.

        `step` is told before and after each change on disk; a test ends the world there.
        """
        self.folder = folder
        self.floor = floor
        self._step = step or (lambda _what: None)

    def read(self, name: str) -> Facts | None:
        """A small file of facts; None where there is none, or none that makes sense."""
        try:
            found = json.loads((self.folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def write(self, name: str, facts: Facts) -> None:
        """Put a small file there, durably, whole or not at all."""
        self._step(f"before {name}")
        near = self.folder / f".{name}.part"
        near.parent.mkdir(parents=True, exist_ok=True)
        with near.open("w", encoding="utf-8") as file:
            json.dump(facts, file)
            file.flush()
            os.fsync(file.fileno())
        self._step(f"within {name}")
        near.replace(self.folder / name)
        sync(near.parent)
        self._step(f"after {name}")

    def remove(self, name: str) -> None:
        """Have no such file, durably."""
        self._step(f"before removing {name}")
        (self.folder / name).unlink(missing_ok=True)
        sync(self.folder)
        self._step(f"after removing {name}")

    def is_whole(self, version: str) -> bool:
        """Whether a release is there in full. The floor, "", is by definition."""
        return not version or (plain(version) and (self.folder / version / WHOLE).is_file())

    def current(self) -> str:
        """The release that is to run; "" for the floor."""
        try:
            name = str((self.folder / CURRENT).readlink())
        except OSError:
            return ""
        return name if self.is_whole(name) else ""

    def place(self) -> Path:
        """The folder of the release that is to run, as it is really called: a later switch must not move what runs."""
        name = self.current()
        return (self.folder / name if name else self.floor).resolve()

    def point(self, version: str) -> None:
        """Have a release be the current one, in one step."""
        self._step(f"before pointing at {version}")
        near = self.folder / f"{CURRENT}.new"
        near.unlink(missing_ok=True)
        if version:
            near.symlink_to(version)
            self._step("within pointing")
            near.replace(self.folder / CURRENT)
        else:
            (self.folder / CURRENT).unlink(missing_ok=True)
        sync(self.folder)
        self._step(f"after pointing at {version}")

    def settle(self) -> Facts | None:
        """Bring a switch on, or to its end, while nothing runs; the trial under way, None where there is none."""
        trial = self.read(TRIAL_FILE)
        if trial is None:
            return None
        state, version = trial.get("state"), str(trial.get("version", ""))
        if state == BACK:
            self._gone_back(trial)
            return None
        if state == WELL:
            self._stayed(trial)
            return None
        starts = int(trial.get("starts", 0))
        if not version or not self.is_whole(version):
            self.back(trial, "It was not there in full when it was to be switched to.")
            return None
        if starts >= MOST_STARTS:
            self.back(trial, f"It was started {starts} times and did not get healthy.")
            return None
        trial = {**trial, "state": TRIAL, "starts": starts + 1}
        self.write(TRIAL_FILE, trial)
        self.point(version)
        return trial

    def back(self, trial: Facts, why: str) -> None:
        """Give a release up, and have the former one be the current one again."""
        told = {**trial, "state": BACK, "why": why}
        self.write(TRIAL_FILE, told)
        self._gone_back(told)

    def well(self, trial: Facts) -> None:
        """A release has shown that it is healthy: it stays."""
        told = {**trial, "state": WELL, "why": ""}
        self.write(TRIAL_FILE, told)
        self._stayed(told)

    def _gone_back(self, trial: Facts) -> None:
        former = str(trial.get("former", ""))
        self.point(former if self.is_whole(former) else "")
        self._end(trial, "rolled_back")

    def _stayed(self, trial: Facts) -> None:
        self._end(trial, "healthy")

    def _end(self, trial: Facts, phase: str) -> None:
        said = {name: trial.get(name, "") for name in ("rollout", "version", "former", "why")}
        self.write(OUTCOME, {**said, "phase": phase})
        self.remove(TRIAL_FILE)


def plain(version: str) -> bool:
    """Whether this can be the name of a release's folder: three numbers."""
    parts = version.split(".")
    return len(parts) == 3 and all(part.isascii() and part.isdigit() for part in parts)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Relay:
    """Between the site and the service manager (sd_notify(3)): a release that ends for a switch is not the service stopping."""

    def __init__(self, manager: str) -> None:
        """`manager`: the address of the manager's socket; "" without one, and then nothing is passed on."""
        self._manager = manager
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self._line.bind("")  # Linux picks a free abstract address
        self.address = "@" + self._line.getsockname()[1:].decode("ascii")

    def pass_on(self, stopping: bool) -> None:
        """Everything that came, but a site's STOPPING=1 while the service itself goes on."""
        while True:
            try:
                said = self._line.recv(4096)
            except OSError:
                return
            if self._manager and (stopping or b"STOPPING=1" not in said):
                address = "\0" + self._manager[1:] if self._manager[0] == "@" else self._manager
                try:
                    self._line.sendto(said, address)
                except OSError:
                    return  # a manager that can't be told must not end what it manages

    def close(self) -> None:
        """Nobody listens any more."""
        self._line.close()


class Guard:
    """One a data folder."""

    def __init__(self, data: Path, shelf: Shelf) -> None:
        self._data = data
        self._shelf = shelf
        self._stopping = threading.Event()
        self._relay = Relay(os.environ.get("NOTIFY_SOCKET", ""))

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """End the site, and then this."""
        self._stopping.set()

    def run(self) -> int:
        """Until told to stop, or until the release ends by itself. Returns the exit status."""
        try:
            return self._run()
        finally:
            self._relay.pass_on(self._stopping.is_set())
            self._relay.close()

    def _run(self) -> int:
        while True:
            trial = self._shelf.settle()
            child = self._start(trial)
            status = self._watch(child, trial)
            if status is not None:
                return status

    def _start(self, trial: Facts | None) -> "subprocess.Popen[bytes]":
        place = self._shelf.place()
        told = f"trial of {trial['version']}" if trial else "current"
        self._say(f"starting {place} ({told})")
        command = [str(place / "bin" / "belvedere"), "site", "--data", str(self._data)]
        told_to = {UNDER_GUARD: WORDS, "NOTIFY_SOCKET": self._relay.address}
        return subprocess.Popen(command, env={**os.environ, **told_to}, preexec_fn=_end_with_me)

    def _watch(self, child: "subprocess.Popen[bytes]", trial: Facts | None) -> int | None:
        """Until it ends or has to. The status to end with, None to go on with what is current then."""
        until_s = time.monotonic() + float(trial.get("within_s", 0)) if trial else 0.0
        while True:
            self._relay.pass_on(self._stopping.is_set())
            if self._stopping.is_set():
                self._end(child)
                return 0
            try:
                status = child.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                status = None
            if status is not None and not self._stopping.is_set():
                if trial is None and self._asked():
                    return None
                if trial is None:
                    self._say(f"the release ended with status {status}")
                    return status if status > 0 else 1
                self._give_up(trial, f"It ended with status {status} before it was healthy. {self._told(trial)}")
                return None
            if trial is not None:
                if self._healthy(trial):
                    self._shelf.well(trial)
                    self._say(f"{trial['version']} is healthy and stays")
                    trial = None
                elif time.monotonic() > until_s:
                    self._end(child)
                    self._give_up(trial, f"It was not healthy within {trial['within_s']} s. {self._told(trial)}")
                    return None
            elif self._asked():
                self._end(child)
                return None

    def _asked(self) -> bool:
        trial = self._shelf.read(TRIAL_FILE)
        return trial is not None and trial.get("state") == ASKED

    def _healthy(self, trial: Facts) -> bool:
        said = self._shelf.read(HEALTH) or {}
        return said.get("well") is True and said.get("token") == trial.get("token")

    def _told(self, trial: Facts) -> str:
        """Why it is not healthy, as it says itself."""
        said = self._shelf.read(HEALTH) or {}
        return str(said.get("why", ""))[:1000] if said.get("token") == trial.get("token") else "It said nothing."

    def _give_up(self, trial: Facts, why: str) -> None:
        self._shelf.back(trial, why.strip())
        self._say(f"rolled back from {trial['version']}: {why}")

    def _end(self, child: "subprocess.Popen[bytes]") -> None:
        child.terminate()
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._say("it did not end; killed")
            child.kill()
            child.wait()

    def _say(self, words: str) -> None:
        sys.stderr.write(f"guard: {words}\n")
        sys.stderr.flush()


def main(arguments: list[str] | None = None) -> int:
    """Guard the site of a data folder."""
    parser = argparse.ArgumentParser(prog="guard.py", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder of the site")
    parser.add_argument("--floor", type=Path, required=True, help="the release that the box was installed with")
    options = parser.parse_args(arguments)
    os.umask(0o077)
    guard = Guard(options.data, Shelf(options.data / "site" / "releases", options.floor))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, guard.stop)
    return guard.run()


if __name__ == "__main__":
    sys.exit(main())
