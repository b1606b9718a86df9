"""Power cuts without a power switch: a disk image inside a file system that copies in no time.

The recorder writes into an ext4 image that lies on XFS; a `cp --reflink` of the image at a random moment is the disk as it
was at that moment, with whatever the system had not written out missing. It does not model a drive whose cache lies about
flushes. Needs root, `mkfs.xfs` (xfsprogs), loop devices.
"""

import ctypes
import os
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_HOST_BYTES = 3 << 30
_DISK_BYTES = 1 << 30
_CLONE_NEWNS = 0x20000


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

    def look(self, copy: Path, look: Callable[[], str]) -> str:
        """What `look` returns in a process of its own that sees `copy` mounted where the disk is; the copy is then gone.

        The process is a fork, so that a thousand looks do not load Python a thousand times.
        """
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _own_mounts()
                _run("mount", "-o", "loop", copy, self.folder)
                os.write(writer, look().encode())
                os._exit(0)
            except BaseException:  # noqa: BLE001 - whatever it is, the child must end here and not go on as its parent
                traceback.print_exc()
                os._exit(1)
        os.close(writer)
        try:
            with os.fdopen(reader, encoding="utf-8") as pipe:
                told = pipe.read()
            _pid, status = os.waitpid(child, 0)
        finally:
            copy.unlink()
        if status:
            raise SystemExit("the check after a cut failed, see above")
        return told


def _own_mounts() -> None:
    """From here on this process mounts for itself alone (unshare(2), mount_namespaces(7))."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    _run("mount", "--make-rprivate", "/")


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
