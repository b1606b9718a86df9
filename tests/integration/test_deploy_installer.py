"""The installer of a site's box: what it would do, what it refuses and why, and what it leaves behind below a folder of its own."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "install-site.sh"
TOKEN = f"bv1.rowan-court.{'a' * 22}.{'b' * 43}"
HUB = "https://hub.example:8711"


def install(*arguments: str | Path, script: Path = SCRIPT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(script), "--python", sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=900,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PIP_CONFIG_FILE": os.devnull},
    )


def wheel(folder: Path, name: str, version: str, code: str, *, script: str = "") -> Path:
    """A wheel of one module, by hand (PEP 427)."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **({f"{info}/entry_points.txt": f"[console_scripts]\n{script}\n"} if script else {}),
    }
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


def box(folder: Path, version: str) -> Path:
    """A folder of wheels: a program that says its version, and one package that it stands on."""
    ground = wheel(folder, "ground", "1.0", "WORD = 'ground'\n")
    wheel(
        folder,
        "belvedere",
        version,
        f"from ground import WORD\n\ndef main():\n    print('{version}' if WORD else '')\n",
        script="belvedere = belvedere:main",
    )
    digest = hashlib.sha256(ground.read_bytes()).hexdigest()
    (folder / "constraints.txt").write_text(f"ground==1.0 --hash=sha256:{digest}\n")
    return folder


def version_of(program: Path) -> str:
    return subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout.strip()


def test_a_dry_run_says_what_it_would_do_and_does_nothing(tmp_path: Path) -> None:
    wheels, root = box(tmp_path / "wheels", "1.0"), tmp_path / "root"
    root.mkdir()
    line = ("--hub", HUB, "--token", TOKEN, "--wheels", wheels, "--footage", "/srv/disk-1")
    done = install(*line, "--root", root, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert list(root.iterdir()) == []
    for word in ("belvedere.toml", "belvedere-site.service", "disks.conf", "/srv/disk-1", "previous"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--hub", HUB), "Sites, New site"),
        (("--hub", HUB, "--token", "bv2.x"), "no token"),
        (("--hub", HUB, "--token", f"bv1.Rowan Court.{'a' * 22}.{'b' * 43}"), "no token"),
        (("--hub", "hub.example", "--token", TOKEN), "no address"),
        (("--hub", HUB, "--token", TOKEN, "--name", 'Row"an'), "quotation"),
        (("--hub", HUB, "--token", TOKEN, "--footage", "disk"), "from /"),
        (("--hub", HUB, "--token", TOKEN, "--footage", "/srv/a disk"), "letters"),
        (("--hub",), "needs a value"),
        (("--update",), "Nothing is installed"),
        (("--back",), "no release before"),
        (("--colour",), "not known"),
    ],
)
def test_a_refusal_says_what_to_do_and_leaves_nothing(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    wheels, root = box(tmp_path / "wheels", "1.0"), tmp_path / "root"
    root.mkdir()
    done = install("--root", root, "--wheels", wheels, *arguments)
    assert done.returncode == 1 and said in done.stderr and "  -> " in done.stderr
    assert list(root.iterdir()) == []


def test_wheels_that_are_missing_or_altered_are_refused(tmp_path: Path) -> None:
    wheels, root = box(tmp_path / "wheels", "1.0"), tmp_path / "root"
    root.mkdir()
    line = ("--root", root, "--hub", HUB, "--token", TOKEN, "--wheels")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "No wheel" in install(*line, empty).stderr
    (wheels / "SHA256SUMS").write_text(f"{'0' * 64}  constraints.txt\n")
    assert "not what their list says" in install(*line, wheels).stderr
    (wheels / "SHA256SUMS").unlink()
    shutil.copy(wheels / "belvedere-1.0-py3-none-any.whl", wheels / "belvedere-1.1-py3-none-any.whl")
    assert "several wheels" in install(*line, wheels).stderr
    assert list(root.iterdir()) == []


@pytest.mark.slow  # makes four Python environments
@pytest.mark.timeout(1800)
def test_a_box_is_installed_updated_and_taken_back_and_keeps_what_it_has(tmp_path: Path) -> None:
    root, opt = tmp_path / "root", tmp_path / "root" / "opt" / "belvedere"
    data = root / "var/lib/belvedere-site"
    line = ("--root", root, "--hub", HUB, "--token", TOKEN, "--name", "Rowan Court", "--footage", "/srv/disk-1")
    done = install(*line, "--wheels", box(tmp_path / "old", "1.0"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert version_of(opt / "current/bin/belvedere") == "1.0"
    settings = tomllib.loads((data / "belvedere.toml").read_text())
    assert settings == {"site": {"id": "rowan-court", "name": "Rowan Court", "footage": ["/srv/disk-1"]}}
    assert data.stat().st_mode & 0o777 == 0o700
    units = root / "etc/systemd/system"
    assert (units / "belvedere-site.service").read_bytes() == (
        ROOT / "deploy/systemd/belvedere-site.service"
    ).read_bytes()
    assert "ReadWritePaths=/srv/disk-1" in (units / "belvedere-site.service.d/disks.conf").read_text()

    # Somebody's own settings and recordings outlive what comes.
    with (data / "belvedere.toml").open("a") as file:
        file.write("retention_days = 14\n")
    kept = (data / "belvedere.toml").read_bytes()
    (data / "footage").write_bytes(b"recording")
    done = install("--update", "--root", root, "--wheels", box(tmp_path / "new", "2.0"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert version_of(opt / "current/bin/belvedere") == "2.0"
    assert version_of(opt / "previous/bin/belvedere") == "1.0"

    # One that can't be installed changes nothing: its constraints ask for another file than there is.
    broken = box(tmp_path / "broken", "3.0")
    (broken / "constraints.txt").write_text(f"ground==1.0 --hash=sha256:{'0' * 64}\n")
    done = install("--update", "--root", root, "--wheels", broken)
    assert done.returncode == 1 and "could not be installed" in done.stderr
    assert version_of(opt / "current/bin/belvedere") == "2.0"
    assert len(list((opt / "releases").iterdir())) == 2

    done = install("--back", "--root", root)
    assert done.returncode == 0, done.stderr
    assert version_of(opt / "current/bin/belvedere") == "1.0"
    assert (data / "belvedere.toml").read_bytes() == kept and (data / "footage").read_bytes() == b"recording"

    # A box stays the site that it is.
    done = install("--root", root, "--hub", HUB, "--token", TOKEN.replace("rowan-court", "elm-house"))
    assert done.returncode == 1 and "another site" in done.stderr


def test_the_script_is_plain_sh() -> None:
    assert SCRIPT.read_text().startswith("#!/bin/sh\n") and os.access(SCRIPT, os.X_OK)
    subprocess.run(["sh", "-n", str(SCRIPT)], check=True, timeout=60)
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("NOT TESTED: shellcheck is not installed")
    done = subprocess.run([shellcheck, "-s", "sh", str(SCRIPT)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
