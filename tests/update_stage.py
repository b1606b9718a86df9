"""Releases made of almost nothing: a shelf in a folder, a release key, a manifest, stub programs that behave like a site."""

import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.link.release import FORMAT, Manifest, ReleaseFile, SignedManifest, sign_manifest
from belvedere.site.update.guard import WHOLE

KEY = Ed25519PrivateKey.from_private_bytes(b"r" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()

# What stands where a site's `belvedere` stands. It holds the data folder as a site does, writes what it did into `life`, and
# says of its health what its release's folder says it should: well, sick (says so for ever), dead (ends), silent.
_PROGRAM = """#!{python} -I
import fcntl, json, os, pathlib, signal, socket, sys, time
data = pathlib.Path(sys.argv[sys.argv.index("--data") + 1])
shelf = data / "site" / "releases"
home = pathlib.Path(__file__).resolve().parents[1]
lock = open(data / "lock", "a")
fcntl.flock(lock, fcntl.LOCK_EX)
def say(word):
    with open(data / "life", "a") as life:
        life.write(home.name + " " + word + "\\n")
def tell(word):
    manager = os.environ.get("NOTIFY_SOCKET", "")
    if manager:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            try:
                line.sendto((home.name + "\\n" + word).encode(), "\\0" + manager[1:])
            except OSError:
                pass  # nobody listens any more
def end(*_):
    tell("STOPPING=1")
    say("ends")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
tell("READY=1")
say("records")
how = (home / "how").read_text()
if how == "dead":
    say("dies")
    sys.exit(3)
while True:
    try:
        trial = json.loads((shelf / "trial.json").read_text())
    except (OSError, ValueError):
        trial = {{}}
    if trial.get("state") == "trial" and trial["version"] == home.name and how in ("well", "sick"):
        told = {{"token": trial["token"], "well": how == "well", "why": "" if how == "well" else "Not recorded: gate (main)."}}
        (shelf / ".told").write_text(json.dumps(told))
        (shelf / ".told").rename(shelf / "health.json")
    time.sleep(0.02)
"""


def stub(folder: Path, how: str, *, whole: bool = True) -> Path:
    """A release in `folder` whose program behaves as `how` says."""
    program = folder / "bin" / "belvedere"
    program.parent.mkdir(parents=True)
    program.write_text(_PROGRAM.format(python=sys.executable), "utf-8")
    program.chmod(0o755)
    (folder / "how").write_text(how, "utf-8")
    if whole:
        (folder / WHOLE).write_text(json.dumps({"version": folder.name}), "utf-8")
    return folder


def asked(version: str, former: str = "", within_s: float = 60.0) -> dict[str, object]:
    """What a site writes that wants to be switched."""
    return {
        "state": "asked",
        "rollout": "rollout_1",
        "version": version,
        "former": former,
        "within_s": within_s,
        "token": f"token {version}",
        "recording": [["gate", "main"]],
        "linked": True,
    }


def manifest(version: str = "9.0.0", files: dict[str, bytes] | None = None, **more: object) -> Manifest:
    """A manifest of these files."""
    files = files or {"stub-9-py3-none-any.whl": b"wheel"}
    named = tuple(ReleaseFile(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items())
    values: dict[str, object] = {
        "format": FORMAT,
        "version": version,
        "since": "0.1.0",
        "python": "any",
        "machine": "any",
        "made_us": 1,
        "migrations": {},
        "files": named,
    }
    return Manifest(**{**values, **more})  # type: ignore[arg-type]


def signed(made: Manifest | None = None, key: Ed25519PrivateKey = KEY) -> SignedManifest:
    """It, signed."""
    return sign_manifest(made or manifest(), key)
