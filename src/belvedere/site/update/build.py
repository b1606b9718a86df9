"""Makes a release's own Python environment out of its wheels, offline, beside the one that runs."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from belvedere.foundation.errors import StorageFault, Unavailable
from belvedere.site.update.guard import WHOLE, sync

_STEP_S = 1800.0  # a slow box, and as quiet as nice makes it
_NICE = 10


def build(folder: Path, wheels: Sequence[Path], version: str, manifest_sha256: str) -> None:
    """Have a whole release at `folder`. What an earlier try left there is thrown away. Blocks for a minute or more.

    Scripts name their own place, so it is built where it stays; `whole.json` is written last, once all of it is on the disk.
    Raises Unavailable when the wheels do not make one, StorageFault.
    """
    if (folder / WHOLE).exists():
        return
    try:
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        python = str(folder / "bin" / "python")
        pip = [python, "-I", "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "--no-input"]
        _run([*pip, "install", "--quiet", "--no-index", "--no-deps", *map(str, wheels)])
        _run([*pip, "check"])
        said = _run([str(folder / "bin" / "belvedere"), "version"]).strip()
        if said != version:
            raise Unavailable(f"It says that it is version {said[:40]!r}, not {version}.", advice="Sign it anew.")
        os.sync()  # before the word that all of it is there
        with (folder / WHOLE).open("w", encoding="utf-8") as file:
            json.dump({"version": version, "manifest_sha256": manifest_sha256}, file)
            file.flush()
            os.fsync(file.fileno())
        sync(folder)
        sync(folder.parent)
    except OSError as error:
        raise StorageFault(f"It can't be unpacked: {error}.", advice="Check the disk, and the room on it.") from error


def _run(command: Sequence[str]) -> str:
    """What it printed. Nothing of this process's environment reaches it but where programs are."""
    plain = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    try:
        done = subprocess.run(
            command, env=plain, capture_output=True, text=True, timeout=_STEP_S, check=False, preexec_fn=_quietly
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{Path(command[0]).name} did not end.", advice="Look at the box.") from error
    if done.returncode:
        words = " ".join((done.stderr or done.stdout).split())[-600:]
        raise Unavailable(f"It can't be installed: {words}", advice="Check that the release is for this machine.")
    return done.stdout


def _quietly() -> None:
    os.nice(_NICE)
