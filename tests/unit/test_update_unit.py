"""What starts the releases: the guard needs nothing of a release, and the service starts it with words that it knows."""

import ast
import subprocess
import sys
from pathlib import Path

from belvedere.site.update import guard
from belvedere.site.update.guard import Shelf

ROOT = Path(__file__).parents[2]


def test_the_guard_uses_the_standard_library_and_nothing_else() -> None:
    tree = ast.parse(Path(guard.__file__).read_text("utf-8"))
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in named} <= sys.stdlib_module_names


def test_the_service_starts_the_guard_with_words_that_it_knows() -> None:
    lines = (ROOT / "deploy/systemd/guard.conf").read_text("utf-8").splitlines()
    starts = [line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")]
    assert starts[0] == "" and "NotifyAccess=all" not in lines, (
        "the first start is taken back; the guard passes on what the site says"
    )
    python, isolated, program, *options = starts[1].split()
    assert (python, isolated, program) == ("/usr/bin/python3", "-I", "/opt/belvedere/guard.py")
    told = subprocess.run([sys.executable, guard.__file__, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(option in told for option in options if option.startswith("--"))
    service = (ROOT / "deploy/systemd/belvedere-site.service").read_text("utf-8")
    assert f"--data {options[options.index('--data') + 1]}" in service and "TimeoutStopSec=180" in service


def test_what_an_installer_puts_there_counts(tmp_path: Path) -> None:
    text = (ROOT / "deploy/install-site.sh").read_text("utf-8")
    assert (
        text.count("    by_hand\n") == 2
        and f"releases/{guard.CURRENT}" in text
        and f"releases/{guard.TRIAL_FILE}" in text
    )
    assert Shelf(tmp_path / "none", tmp_path).place() == tmp_path.resolve()


def test_a_release_key_that_is_none_is_refused_by_the_installer(tmp_path: Path) -> None:
    for wrong in ("ssh-ed25519", "bvrk1.", 'bvrk1.a"b'):
        command = ["sh", str(ROOT / "deploy/install-site.sh"), "--root", str(tmp_path), "--release-key", wrong]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "--release-key" in done.stderr and list(tmp_path.iterdir()) == []
