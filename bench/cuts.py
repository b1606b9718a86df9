"""Power cuts without a power switch: a disk image inside a file system that copies in no time.

The recorder writes into an ext4 image that lies on XFS; a `cp --reflink` of the image at a random moment is the disk as it
was at that moment, with whatever the system had not written out missing. It does not model a drive whose cache lies about
flushes. Needs root, `mkfs.xfs` (xfsprogs), loop devices.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_HOST_BYTES = 3 << 30
_DISK_BYTES = 1 << 30


def missing() -> str:
    """What keeps this machine from cutting power; "" when it can."""
    if os.geteuid() != 0:
        return "it needs root, for loop devices"
    if shutil.which("mkfs.xfs") is None:
        return "mkfs.xfs is missing: apt-get install xfsprogs"
    return ""


def _run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


@contextmanager
def _mounted(image: Path, at: Path) -> Iterator[Path]:
    at.mkdir()
    _run("mount", "-o", "loop", image, at)
    try:
        yield at
    finally:
        _run("umount", at)


class CutDisk:
    """A mounted disk whose power can be cut as often as one likes: each cut is a copy."""

    def __init__(self, folder: Path, host: Path, image: Path) -> None:
        self.folder = folder  # where the disk is mounted
        self._host = host
        self._image = image
        self._cuts = 0

    def cut(self) -> Path:
        """An image of the disk as it is now."""
        self._cuts += 1
        copy = self._host / f"cut-{self._cuts}.img"
        _run("cp", "--reflink=always", self._image, copy)
        return copy

    def look(self, copy: Path, *command: str) -> str:
        """Run a command that sees `copy` mounted where the disk is, and return what it prints; the copy is then gone."""
        script = 'mount -o loop "$1" "$2" && shift 2 && exec "$@"'
        try:
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", script, "sh", str(copy), str(self.folder), *command],
                capture_output=True, text=True, timeout=120,
            )  # fmt: skip
        finally:
            copy.unlink()
        if done.returncode:
            raise SystemExit(f"the check after a cut failed: {done.stderr[-2000:]}")
        return done.stdout


@contextmanager
def cut_disk() -> Iterator[CutDisk]:
    """A fresh disk. Raises CalledProcessError when the system refuses a step."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bv-cuts-")))
        host_image, disk_image = work / "host.img", work / "host" / "disk.img"
        with host_image.open("wb") as file:
            file.truncate(_HOST_BYTES)
        _run("mkfs.xfs", "-q", "-m", "reflink=1", host_image)
        host = stack.enter_context(_mounted(host_image, work / "host"))
        with disk_image.open("wb") as file:
            file.truncate(_DISK_BYTES)
        _run("mkfs.ext4", "-q", disk_image)
        yield CutDisk(stack.enter_context(_mounted(disk_image, work / "disk")), host, disk_image)
