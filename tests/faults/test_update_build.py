"""A release from the key to the box: signed and taken in by the commands, built into a Python environment, run by the guard."""

import base64
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belvedere.cli.main import app
from belvedere.foundation.errors import Refused, Unavailable
from belvedere.hub.rollouts.store import ReleaseStore
from belvedere.link.release import open_manifest, read_key
from belvedere.link.releases import WantPiece
from belvedere.site.update import guard as module
from belvedere.site.update.build import build
from belvedere.site.update.guard import OUTCOME, TRIAL_FILE, WHOLE, Shelf
from update_stage import asked, stub

# A program that says its version, and as a site says that it is healthy.
_CODE = """
import json, pathlib, signal, sys, time
def main():
    if sys.argv[1] == "version":
        print(ground.WORD)
        return
    shelf = pathlib.Path(sys.argv[sys.argv.index("--data") + 1]) / "site" / "releases"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        try:
            trial = json.loads((shelf / "trial.json").read_text())
        except (OSError, ValueError):
            trial = {}
        if trial.get("state") == "trial":
            (shelf / ".told").write_text(json.dumps({"token": trial["token"], "well": True, "why": ""}))
            (shelf / ".told").rename(shelf / "health.json")
        time.sleep(0.05)
import ground
"""


def wheel(folder: Path, name: str, version: str, code: str, needs: str = "", script: str = "", extra: str = "") -> Path:
    """A wheel of one package, by hand (PEP 427)."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (
        f"Requires-Dist: {needs}\n" if needs else ""
    )
    files = {
        f"{name}/__init__.py": code,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if script:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{script}\n"
    if extra:
        files[extra] = "-- readers: 0017\nSELECT 1;\n"
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text.encode())}")
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,"]) + "\n")
    return made


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.slow  # makes two Python environments
@pytest.mark.timeout(900)
def test_a_release_is_signed_taken_in_built_and_switched_to(tmp_path: Path) -> None:
    wheels, data = tmp_path / "wheels", tmp_path / "hub"
    wheel(wheels, "ground", "1.0", "WORD = '2.0.0'\n")
    wheel(
        wheels,
        "belvedere",
        "2.0.0",
        _CODE,
        needs="ground",
        script="belvedere = belvedere:main",
        extra="belvedere/site/storage/migrations/0018_more.sql",
    )
    public = run("release", "key", str(tmp_path / "key.pem"), "--plain").strip()
    archive = tmp_path / "2.release"
    run("release", "sign", str(wheels), "--key", str(tmp_path / "key.pem"), "--out", str(archive))
    data.mkdir()
    with pytest.raises(Refused, match="not trusted"):
        run("release", "add", str(archive), "--data", str(data))
    (data / "belvedere.toml").write_text(f'[hub]\nrelease_keys = ["{public}"]\n', "utf-8")
    assert "2.0.0 is taken in" in run("release", "add", str(archive), "--data", str(data))
    with sqlite3.connect(data / "hub" / "hub.db") as db:
        assert db.execute("SELECT kind FROM local_act").fetchall() == [("release.added",)]
    db.close()
    store = ReleaseStore(data / "hub" / "releases")
    signed, manifest = store.take_in(archive, [read_key(public)])
    assert manifest.migrations == {"0018": 17} and open_manifest(signed, [read_key(public)]) == manifest

    box = tmp_path / "box"
    shelf = Shelf(box / "site" / "releases", stub(box / "floor", "well", whole=False))
    fetched = []
    for number, each in enumerate(manifest.files):
        path = shelf.folder / "coming" / "2.0.0" / each.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.piece(manifest, WantPiece("2.0.0", number, 0)))
        fetched.append(path)
    with pytest.raises(Unavailable, match="ground"):
        build(shelf.folder / "2.0.0", fetched[:1], "2.0.0", signed.sha256)
    assert not shelf.is_whole("2.0.0")
    build(shelf.folder / "2.0.0", fetched, "2.0.0", signed.sha256)
    assert (shelf.folder / "2.0.0" / WHOLE).is_file()
    command = [sys.executable, "-I", module.__file__, "--data", str(box), "--floor", str(box / "floor")]
    guard = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        shelf.write(TRIAL_FILE, asked("2.0.0"))
        until = 3000
        while (outcome := shelf.read(OUTCOME)) is None or shelf.read(TRIAL_FILE) is not None:
            assert (until := until - 1), "no end"
            time.sleep(0.05)
        assert outcome["phase"] == "healthy" and shelf.current() == "2.0.0"
    finally:
        os.kill(guard.pid, signal.SIGTERM)
        guard.wait(60)
