"""What a confined process can't do: read the keys, connect out, outlive its owner. Tried against the real kernel."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from belvedere.site.sandbox.enter import EXIT_NOT_CONFINED
from belvedere.site.sandbox.level import Level
from belvedere.site.sandbox.seccomp import program
from belvedere.site.sandbox.start import attempt, command, confinement, start
from belvedere.site.sandbox.view import environment, readable_paths
from process_stage import wait_gone

pytestmark = pytest.mark.faults
STRONG = [Level.BUBBLEWRAP, Level.LANDLOCK]


def granted(level: Level) -> None:
    """Skips with the kernel's reason where this machine refuses `level`."""
    if why := attempt(level):
        pytest.skip(f"{level} is refused here: {why}")


def tries(level: Level, path: Path, port: int) -> dict[str, object]:
    done = subprocess.run(
        command(level, "belvedere.site.sandbox.trial", (str(path), str(port))),
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("level", STRONG)
def test_it_reads_no_key_writes_nothing_and_connects_nowhere(level: Level, tmp_path: Path) -> None:
    granted(level)
    keys = tmp_path / "site" / "keys"
    keys.mkdir(parents=True)
    (keys / "footage.kek").write_bytes(b"\1" * 32)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        found = tries(level, keys / "footage.kek", listener.getsockname()[1])
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert not (found["reads"] or found["writes"] or found["connects"])
    if level is Level.BUBBLEWRAP:
        assert found["pid"] != 0 and int(str(found["pid"])) < 10  # it sees its own processes alone


def test_with_limits_only_it_still_connects_nowhere_and_that_is_all(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = tries(Level.LIMITS, tmp_path / "key", listener.getsockname()[1])
    assert found["reads"] and not found["writes"]


@pytest.mark.parametrize("level", list(Level))
def test_a_socket_that_was_handed_over_works_and_no_other_file_is_open(level: Level) -> None:
    if level is not Level.LIMITS:
        granted(level)
    here, there = socket.socketpair()
    with here, there, Path(__file__).open("rb") as other:
        os.set_inheritable(other.fileno(), True)
        reader = start("belvedere.site.ingest.reader", handles=(there.fileno(),), level=level)
        assert reader.stdin is not None and reader.stdout is not None
        there.close()
        reader.stdin.close()  # no order: it goes, and with it its end of the pair
        here.settimeout(60)
        assert here.recv(1) == b""
        assert reader.wait(60) == 2
        reader.stdout.close()


@pytest.mark.parametrize("level", list(Level))
def test_it_dies_with_its_owner(level: Level) -> None:
    if level is not Level.LIMITS:
        granted(level)
    text = (
        "import sys,time\n"
        "from belvedere.site.sandbox.start import start\n"
        "from belvedere.site.sandbox.level import Level\n"
        f"p=start('belvedere.site.ingest.reader', level=Level('{level}'))\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, env=environment())
    assert owner.stdout is not None
    reader = int(owner.stdout.readline())
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait(60)
    owner.stdout.close()
    wait_gone(reader)


def test_one_whose_owner_dies_before_bubblewrap_has_begun_ends_too(tmp_path: Path) -> None:
    """bubblewrap asks to die with its parent late, and not at all of a parent that is gone: nothing may rest on that."""
    granted(Level.BUBBLEWRAP)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    late = tmp_path / "bwrap"
    late.write_text(f'#!/bin/sh\ncat {gate}\nexec /usr/bin/bwrap "$@"\n')
    late.chmod(0o755)
    text = (
        "import time\n"
        "from belvedere.site.sandbox import start\n"
        "from belvedere.site.sandbox.level import Level\n"
        "kept = start.environment()\n"
        f"start.environment = lambda *names: kept | {{'PATH': '{tmp_path}:' + kept['PATH']}}\n"
        "import os; os.environ['PATH'] = start.environment()['PATH']\n"
        # It would sleep for ten minutes, and never looks whether anybody reads it.
        "p = start.start('timeit', ('-n1', '-r1', '-s', 'import time', 'time.sleep(600)'), level=Level.BUBBLEWRAP)\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, env=environment())
    assert owner.stdout is not None
    waiting = int(owner.stdout.readline())
    owner.kill()
    owner.wait(60)
    owner.stdout.close()
    with gate.open("wb"):  # returns when the other side has opened it: only now bubblewrap begins
        pass
    wait_gone(waiting)


def test_one_that_is_killed_while_bubblewrap_sets_up_leaves_nothing_behind() -> None:
    """Killed in its first milliseconds, bubblewrap left a child that waited for it for ever: about one start in forty."""
    granted(Level.BUBBLEWRAP)
    mark = f"killed-early-by-{os.getpid()}"
    killed = []
    for number in range(12):
        started = start("belvedere.site.ingest.reader", (mark,), level=Level.BUBBLEWRAP)
        time.sleep(number * 0.0004)  # not to wait for anything: to hit another of its first steps each time
        started.kill()
        started.kill()
        killed.append(started)
    for started in killed:
        assert started.stdin is not None and started.stdout is not None
        started.stdin.close()
        started.stdout.close()
        started.wait(60)
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if _says(path, mark)]


def _says(cmdline: Path, mark: str) -> bool:
    try:
        return mark.encode() in cmdline.read_bytes()
    except OSError:
        return False  # it ended meanwhile


def test_a_process_that_can_not_be_confined_does_not_run(tmp_path: Path) -> None:
    # Another owner than the process that starts it: the one it should die with is gone.
    line = command(Level.LANDLOCK, "belvedere.site.sandbox.trial", (str(tmp_path), "1"))
    line[line.index(str(os.getpid()))] = "1"
    done = subprocess.run(line, capture_output=True, env=environment(), timeout=60, check=False)
    assert done.returncode == EXIT_NOT_CONFINED and not done.stdout


def test_memory_is_bounded() -> None:
    done = subprocess.run(
        [*command(Level.LIMITS, "timeit", ("-n1", "-r1", "bytearray(2 << 30)"))],
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert b"MemoryError" in done.stderr


def test_the_level_in_force_is_found_by_trying(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    confinement.cache_clear()
    found = confinement()
    assert found.level in Level and len(found.refused) == list(Level).index(found.level)
    # A bwrap that is there and does nothing is not taken.
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(
        "belvedere.site.sandbox.start.environment", lambda *names: {**environment(*names), "PATH": str(tmp_path)}
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert attempt(Level.BUBBLEWRAP)
    confinement.cache_clear()


def test_no_data_folder_is_in_view(tmp_path: Path) -> None:
    for path in readable_paths():
        assert tmp_path.resolve() != path and path not in tmp_path.resolve().parents


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_jump_of_the_filter_lands_inside(machine: str) -> None:
    code = program(machine)
    assert len(code) % 8 == 0
    steps = len(code) // 8
    for at in range(steps):
        kind = int.from_bytes(code[at * 8 : at * 8 + 2], sys.byteorder)
        taken, fallen = code[at * 8 + 2], code[at * 8 + 3]
        if kind in (0x15, 0x35):
            assert at + 1 + taken < steps and at + 1 + fallen < steps
            if kind == 0x15 and at > 4:
                assert at + 1 + taken == steps - 1  # to "refuse", the last


def test_a_handed_over_socket_reaches_the_reader_and_its_words_come_back() -> None:
    here, there = socket.socketpair()
    with here, there:
        reader = start("belvedere.site.ingest.reader", handles=(there.fileno(),))
        assert reader.stdin is not None and reader.stdout is not None
        import msgspec

        from belvedere.site.ingest.reader_pipe import ReadOrder

        order = ReadOrder("http://127.0.0.1/video", "", "", (there.fileno(),))
        reader.stdin.write(msgspec.msgpack.encode(order))
        reader.stdin.close()
        here.settimeout(60)
        asked = here.recv(4096)
        assert asked.startswith(b"GET /video HTTP/1.1\r\n")
        here.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        until = time.monotonic() + 60
        said = b""
        while b"404" not in said and time.monotonic() < until:
            if select.select([reader.stdout], [], [], 0.2)[0]:
                said += os.read(reader.stdout.fileno(), 4096) or b"404 never came"
        assert b"knows no such stream (404)" in said
        reader.wait(60)
        reader.stdout.close()
