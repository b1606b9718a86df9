#!/usr/bin/env python3
"""The one way in. `python3 run.py` starts the demo estate; `python3 run.py test` runs every test.

Standard library only, so that it runs on a machine with nothing but Python 3.11. It makes a virtual environment, installs
what `constraints.txt` pins (hashes checked), builds the control room, and hands over to the command `belvedere`.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("BELVEDERE_VENV", ROOT / ".venv"))
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
HELP = """usage: python3 run.py [OPTIONS]           start with the demo estate (--port N, --data DIR, --no-browser)
       python3 run.py test [--all] [--strict] [...]
                                          run the tests; what follows goes to pytest (--page writes the page about them);
                                          --strict: a test that fails beside others and passes alone has failed
       python3 run.py bench [NAME] [--quick] [--json FILE]
       python3 run.py COMMAND ...         any belvedere command: up, demo, camera, import, export, doctor, version ...
"""
SYSTEM = Path("/usr/bin/python3")
FIT = "import ensurepip, sqlite3, ssl, sys, venv; sys.exit(sys.version_info < (3, 11))"
RETRIED = 3  # that many failing tests are tried once more, alone; more than that is no unsteadiness


def fail(message: str) -> None:
    sys.exit(f"belvedere: {message}")


def fit(python: str) -> bool:
    """Whether a virtual environment can be made with that Python, and Belvedere run in it."""
    try:
        return subprocess.run([python, "-I", "-c", FIT], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def compiled_plainly() -> bool:
    """Whether this Python was compiled without profiles (as `pyenv install` does), not by the distribution: on one and
    the same machine such a one took 1.2 to 2.3 times as long over plain code as Debian's own."""
    return "--enable-optimizations" not in (sysconfig.get_config_var("CONFIG_ARGS") or "--enable-optimizations")


def interpreter(own: str = sys.executable, system: Path = SYSTEM, plain: Callable[[], bool] = compiled_plainly) -> str:
    """The Python to make the environment with: BELVEDERE_PYTHON, this one, or the system's where this one is a slow one."""
    if named := os.environ.get("BELVEDERE_PYTHON"):
        if not fit(named):
            fail(f"BELVEDERE_PYTHON={named} is not a Python 3.11 or later with venv. Name another one, or unset it.")
        return named
    if not system.exists() or system.resolve() == Path(own).resolve() or not plain() or not fit(str(system)):
        return own
    print(f"  taking {system}: {own} was compiled without optimisation", flush=True)
    return str(system)


def digest(dev: bool) -> str:
    """Changes when something changes that an installation depends on."""
    total = hashlib.sha256(f"{dev}{ROOT}".encode())
    made = VENV / "pyvenv.cfg"  # says which Python the environment was made with
    total.update(made.read_bytes() if made.is_file() else b"")
    files = [ROOT / name for name in ("pyproject.toml", "hatch_build.py", "constraints.txt", "constraints-dev.txt")]
    web = ROOT / "web"
    for folder, folders, names in os.walk(web):
        folders[:] = sorted(f for f in folders if f not in ("node_modules", "dist"))
        files += [Path(folder) / name for name in sorted(names)]
    for path in files:
        if path.is_file():
            total.update(path.relative_to(ROOT).as_posix().encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def step(text: str, *command: object, env: dict[str, str] | None = None) -> None:
    """Run a command quietly behind one line; show all it said when it fails."""
    start = time.monotonic()
    tty = sys.stdout.isatty()
    print(f"  {text} ...", end="" if tty else "\n", flush=True)
    process = subprocess.Popen(
        [str(part) for part in command], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said, _ = process.communicate()
    if process.returncode:
        print(f"\n{said}")
        fail(
            f"this step failed: {text}. The lines above say why; is the machine on the network, and the disk not full?"
        )
    print(f"\r  {text}: {time.monotonic() - start:.0f} s" if tty else f"  done in {time.monotonic() - start:.0f} s")


def install(dev: bool) -> None:
    """Bring the virtual environment up to date. Does nothing, quickly, when it is."""
    stamp = VENV / (".belvedere-dev" if dev else ".belvedere")
    interface = ROOT / "src" / "belvedere" / "ui" / "index.html"
    good = (
        [(stamp, digest(dev))] if dev else [(stamp, digest(False)), (VENV / ".belvedere-dev", digest(True))]
    )  # what tests is enough to run
    current = any(mark.exists() and mark.read_text() == wanted for mark, wanted in good)
    if PYTHON.exists() and interface.exists() and current:
        return
    print("Getting Belvedere ready (once; about a minute on a fresh machine):", flush=True)
    uv = shutil.which("uv")
    if not PYTHON.exists():
        if (VENV / "pyvenv.cfg").exists():  # its Python is gone: the system was upgraded, say
            shutil.rmtree(VENV)
        chosen = interpreter()
        if uv:
            step("make a Python environment", uv, "venv", "-q", "--python", chosen, VENV)
        else:
            if not fit(chosen):
                fail("Python's venv module is missing. Debian, Ubuntu: apt-get install python3-venv. Or install uv.")
            step("make a Python environment", chosen, "-m", "venv", VENV)
    pins = ROOT / ("constraints-dev.txt" if dev else "constraints.txt")
    if uv:
        pip = [uv, "pip", "install", "-q", "--python", PYTHON]
    else:
        pip = [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    step("install what it stands on", *pip, "--require-hashes", "-r", pins)
    step("install Belvedere and build the control room", *pip, "--no-deps", "-e", ROOT)
    stamp.write_text(digest(dev))


def environment() -> dict[str, str]:
    """That of this process, but compiled modules are kept: without them each of our processes starts 2 s later."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def call(command: list[object]) -> int:
    """Run a command to its end; returns its exit status. Ctrl-C reaches it by itself, SIGTERM is handed on."""
    sys.stdout.flush()
    process = subprocess.Popen([str(part) for part in command], env=environment())
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        while True:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                continue
            return code if code >= 0 else 128 - code
    finally:
        signal.signal(signal.SIGTERM, before)


def run_tests(tests: list[object], failed: Path, *, strict: bool, call: Callable[[list[object]], int] = call) -> int:
    """Run `tests`; a few that failed once more, alone and one after another. Returns the exit status.

    `failed`: where pytest writes the ids of what failed (tests/conftest.py), which it does not for a run that was broken off.
    """
    failed.unlink(missing_ok=True)
    code = call([*tests, "--failed-to", failed])
    if code != 1 or not failed.exists():
        return code
    ids = json.loads(failed.read_text("utf-8"))
    if not 0 < len(ids) <= RETRIED:
        return code
    print(f"\nTrying once more, alone: {', '.join(ids)}", flush=True)
    if call([PYTHON, "-m", "pytest", *ids]):
        return code
    print(f"\nFAILED beside others, PASSED alone: {', '.join(ids)}: unsteady, to be traced", flush=True)
    return 1 if strict else 0


def main(arguments: list[str]) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (an older Python must be told so)
        fail(
            f"Python 3.11 or later is needed; this is {sys.version.split()[0]}. Debian 12, Ubuntu 24.04 and later have it."
        )
    if arguments[:1] in (["-h"], ["--help"], ["help"]):
        print(HELP)
        return
    command = arguments[0] if arguments and not arguments[0].startswith("-") else "demo"
    rest = arguments[1:] if arguments and not arguments[0].startswith("-") else arguments
    install(dev=command in ("test", "bench"))
    os.chdir(ROOT)
    if command == "test":
        every, strict = "--all" in rest, bool({"--all", "--strict"} & set(rest))
        rest = [argument for argument in rest if argument not in ("--all", "--strict")]
        workers = min(os.cpu_count() or 1, 4)  # one more than cores made no run shorter, and steady tests unsteady
        alone = {"-n", "--pdb"} & set(rest) or workers < 2
        # Slow files first, as tests/conftest.py sorts them; xdist would put those with many tests first.
        beside = [] if alone else ["-n", workers, "--dist", "loadfile", "--no-loadscope-reorder"]
        tests = [PYTHON, "-m", "pytest", *beside, *([] if every else ["-m", "not slow"]), *rest]
        code = run_tests(tests, VENV / "failed-tests.json", strict=strict)
        if every and not rest and not code:  # what opens hubs once more, with PostgreSQL under them
            print("\nThe hub's tests once more, on PostgreSQL:", flush=True)
            os.environ["BELVEDERE_TEST_DATABASE"] = "postgresql"
            code = run_tests([*tests, "--hub-tests"], VENV / "failed-tests.json", strict=strict)
        sys.exit(code)
    if command == "bench":
        final = [PYTHON, ROOT / "bench", *rest]
    else:
        final = [PYTHON, "-m", "belvedere.cli.main", command, *rest]
    sys.stdout.flush()
    os.execve(str(final[0]), [str(part) for part in final], environment())


if __name__ == "__main__":
    main(sys.argv[1:])
