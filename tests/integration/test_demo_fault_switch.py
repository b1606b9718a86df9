"""Faults of the demo's cameras are switched from the command line while they run."""

import asyncio
import re
from pathlib import Path
from typing import get_type_hints

import pytest
from typer.testing import CliRunner

from belvedere.cli.main import app
from belvedere.demo.rtsp.faults import Faults
from belvedere.demo.rtsp.reel import AccessUnit, Reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.demo.rtsp.switch import KINDS, NONE, SOCKET, FaultSwitch
from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.foundation.settings import load_settings
from belvedere.media.stream import Codec

USUAL = Faults(clock_error_us=12 * SECOND_US)
REEL = Reel(Codec.H264, (b"\x67", b"\x68"), (AccessUnit((b"\x65",), 0, True),), (0,), 90_000, 16, 16)


def server_of(*paths: str) -> RtspServer:
    """A server that is not started: nothing is sent, faults are all that is looked at."""
    server = RtspServer(SystemClock())
    for path in paths:
        server.add(path, REEL, USUAL)
    return server


def faults(server: RtspServer, camera: str) -> set[Faults]:
    return {source.faults for path, source in server.sources.items() if path.startswith(f"{camera}/")}


def test_faults_add_up_on_both_streams_until_none(tmp_path: Path) -> None:
    server = server_of("gate/main", "gate/sub", "gate-2/main")
    switch = FaultSwitch(server, lambda camera: USUAL, tmp_path / SOCKET)
    assert switch.switch("gate", "drop", 20) == "every 20th packet is lost"
    switch.switch("gate", "freeze")
    switch.switch("gate", "jump", 5)
    switch.switch("gate", "jump", 5)
    assert faults(server, "gate") == {
        Faults(drop_every=20, frozen=True, jump_90k=900_000, clock_error_us=USUAL.clock_error_us)
    }
    assert faults(server, "gate-2") == {USUAL}
    switch.switch("gate", NONE)
    assert faults(server, "gate") == {USUAL}


def test_every_fault_has_its_kind(tmp_path: Path) -> None:
    server = server_of("gate/main")
    switch = FaultSwitch(server, lambda camera: Faults(), tmp_path / SOCKET)
    assert {kind.field for kind in KINDS.values()} == set(get_type_hints(Faults))
    for name, kind in KINDS.items():
        switch.switch("gate", NONE)
        switch.switch("gate", name)
        (now,) = faults(server, "gate")
        assert getattr(now, kind.field) and now != Faults()


@pytest.mark.parametrize(
    ("words", "wrong"), [(("x", "drop"), NotFound), (("gate", "fire"), BadInput), (("gate", "drop", 0), BadInput)]
)
def test_what_is_wrong_is_said(tmp_path: Path, words: tuple[str, str], wrong: type[Exception]) -> None:
    server = server_of("gate/main")
    with pytest.raises(wrong):
        FaultSwitch(server, lambda camera: USUAL, tmp_path / SOCKET).switch(*words)
    assert faults(server, "gate") == {USUAL}


async def test_the_command_reaches_the_demo_that_runs(tmp_path: Path) -> None:
    folder = load_settings(tmp_path).socket_folder
    folder.mkdir(parents=True)
    server = server_of("gate/main", "gate/sub")

    async def run(*words: str) -> tuple[int, str]:
        done = await asyncio.to_thread(
            CliRunner().invoke, app, ["demo", "fault", *words, "--data", str(tmp_path)], catch_exceptions=True
        )
        return done.exit_code, re.sub(r"\s+", " ", f"{done.output} {done.exception or ''}")

    async with FaultSwitch(server, lambda camera: USUAL, folder / SOCKET):
        assert (folder / SOCKET).stat().st_mode & 0o077 == 0
        assert await run("gate", "jitter", "150") == (0, "gate: its pictures come up to 150 ms late. ")
        assert {found.jitter_ms for found in faults(server, "gate")} == {150}
        code, said = await run("gate", "fire")
        assert code == 1 and "no fault fire" in said
        code, said = await run("yard", "drop")
        assert code == 1 and "gate" in said
        reader, writer = await asyncio.open_unix_connection(folder / SOCKET)
        writer.write(b"{}\n")
        assert b"no question" in await reader.readline()
        writer.close()
        await writer.wait_closed()
    code, said = await run("gate", "none")
    assert code == 1 and "No demo answers" in said
