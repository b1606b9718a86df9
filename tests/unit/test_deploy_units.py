"""The systemd units: they parse, systemd takes them, and they name commands, options and folders that exist."""

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from belvedere.cli.main import app
from belvedere.foundation.notify import tell_manager
from belvedere.foundation.settings import SiteSettings

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy" / "systemd"
SERVICES = ("belvedere", "belvedere-hub", "belvedere-site")
# What bubblewrap can't live with (tried by hand: it can't mount /proc, or refuses to start), and so no unit with decoders has.
BREAKS_BUBBLEWRAP = {
    "RestrictNamespaces",
    "ProtectKernelTunables",
    "ProtectKernelLogs",
    "ProtectProc",
    "ProcSubset",
    "AmbientCapabilities",
    "PrivateUsers",
}


def read(path: Path) -> dict[str, dict[str, list[str]]]:
    """Sections of a unit file, each name with all its values."""
    found: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if match := re.fullmatch(r"\[(\w+)]", line):
            section = found.setdefault(match[1], {})
        elif line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            assert equals and re.fullmatch(r"\w+", name), line
            section.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_starts_a_command_that_exists_in_its_own_folder(name: str) -> None:
    service = read(UNITS / f"{name}.service")["Service"]
    (start,) = service["ExecStart"]
    program, command, *options = start.split()
    assert program == "/opt/belvedere/current/bin/belvedere"
    made = get_command(app).commands[command]  # type: ignore[attr-defined]
    known = {option for each in made.params for option in each.opts}
    assert {option for option in options if option.startswith("--")} <= known
    data = options[options.index("--data") + 1]
    assert [data] == [f"/var/lib/{folder}" for folder in service["StateDirectory"]]
    assert service["User"] == service["Group"] == [name]
    assert f"u {name} " in (UNITS / "belvedere.sysusers").read_text("utf-8")
    # The supervisor ends its children in order, each within ten seconds: nobody else may send them a signal first.
    assert service["KillMode"] == ["mixed"] and int(service["TimeoutStopSec"][0]) >= 60
    assert service["Type"] == ["notify"] and service["Restart"] == ["always"]


@pytest.mark.parametrize("name", ["belvedere", "belvedere-site"])
def test_a_unit_with_cameras_leaves_the_decoders_their_sandbox(name: str) -> None:
    service = read(UNITS / f"{name}.service")["Service"]
    assert BREAKS_BUBBLEWRAP.isdisjoint(service)
    assert "ProtectClock" not in service  # it refuses adjtimex, by which the recorder knows how right the clock is
    assert int(service["LimitNOFILE"][0]) >= 300 * 2 * 8


def test_disks_elsewhere_are_named_as_the_setting_that_names_them() -> None:
    text = (UNITS / "disks.conf").read_text("utf-8")
    drop_in = read(UNITS / "disks.conf")
    assert drop_in["Unit"]["RequiresMountsFor"] == drop_in["Service"]["ReadWritePaths"]
    assert "`footage`" in text and "footage" in SiteSettings.model_fields


@pytest.mark.parametrize("name", SERVICES)
def test_systemd_takes_a_unit_without_a_word(name: str, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("NOT TESTED: systemd-analyze is not installed")
    text = (UNITS / f"{name}.service").read_text("utf-8")
    unit = tmp_path / f"{name}.service"
    unit.write_text(text.replace("/opt/belvedere/current/bin/belvedere", "/bin/true"))
    done = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=120)
    said = [line for line in (done.stdout + done.stderr).splitlines() if f"{name}.service" in line]
    assert (done.returncode, said) == (0, []), done.stderr


def test_the_service_manager_hears_what_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not tell_manager("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not tell_manager("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(30)
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert tell_manager("READY=1", "STATUS=The site records")
        assert manager.recv(100) == b"READY=1\nSTATUS=The site records"
