"""The hub as a process: says when it is ready, ends when told, whatever is still open."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from belvedere.cli.users import add_user
from belvedere.foundation.settings import load_settings
from belvedere.hub import serve
from belvedere.hub.register.shelf import note_camera
from hub_stage import CSRF

_SECONDS = 90


@asynccontextmanager
async def hub_process(data: Path, *options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """The process and its ready line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "belvedere.hub.serve", "--data", str(data), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "BELVEDERE_HUB__DATABASE_URL": load_settings(data).hub_database_url},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_SECONDS):
            line = await process.stdout.readline()
        yield process, json.loads(line) if line else {}
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def fresh_logs() -> Iterator[None]:
    """What `main` sets for its whole process is put back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    structlog.reset_defaults()
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_it_serves_as_soon_as_it_says_so_and_ends_with_sockets_open(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    code = add_user(settings, "ann", "operator", "Ann")
    note_camera(settings, "gate", "Gate", None)
    async with hub_process(tmp_path, "--port", "0") as (process, ready):
        assert ready["ready"] is True and ready["url"].startswith("http://127.0.0.1:")
        async with httpx.AsyncClient(base_url=ready["url"], timeout=_SECONDS) as browser:
            answer = await browser.post("/api/session", json={"username": "ann", "password": code})
            browser.headers[CSRF] = answer.json()["csrf"]
            assert (await browser.post("/api/password", json={"password": "correct horse battery"})).status_code == 204
            grant = (await browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
            cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
            live = f"{ready['url'].replace('http', 'ws')}/api/live?grant={grant}"
            async with connect(live, additional_headers=cookie) as socket:
                await socket.send(json.dumps({"op": "play", "tile": 1, "camera": "gate", "stream": "sub"}))
                told = json.loads(await socket.recv())
                assert told["op"] == "state" and told["state"] == "unknown"  # there is no site
                process.terminate()
                async with asyncio.timeout(_SECONDS):
                    assert await process.wait() == 0
                    with pytest.raises(ConnectionClosed):
                        while True:
                            await socket.recv()
        assert process.stderr is not None
        log = (await process.stderr.read()).decode()
        assert "Traceback" not in log, log
    kinds = [json.loads(line)["event"] for line in log.splitlines() if line.startswith("{")]
    assert "request_broke" not in kinds


async def test_a_killed_hub_comes_back_with_its_log(tmp_path: Path) -> None:
    code = add_user(load_settings(tmp_path), "ann", "operator", "Ann")
    async with hub_process(tmp_path, "--port", "0") as (process, ready):
        async with httpx.AsyncClient(base_url=ready["url"], timeout=_SECONDS) as browser:
            answer = await browser.post("/api/session", json={"username": "ann", "password": code})
            assert answer.status_code == 200
            browser.headers[CSRF] = answer.json()["csrf"]
            assert (await browser.post("/api/password", json={"password": "correct horse battery"})).status_code == 204
            kept = dict(browser.cookies)
        process.kill()
        await process.wait()
    async with (
        hub_process(tmp_path, "--port", "0") as (_, ready),
        httpx.AsyncClient(base_url=ready["url"], cookies=kept, timeout=_SECONDS) as browser,
    ):
        assert (await browser.get("/api/session")).json()["user"]["name"] == "ann"
        lines = (await browser.get("/api/audit/mine")).json()["entries"]
        assert [line["kind"] for line in lines] == ["password.changed", "session.opened"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[hub]\nport = 'x'\n", "belvedere.toml"),
        ("[hub]\ndatabase_url = 'mysql://h/d'\n", "SQLite or PostgreSQL"),
        ("[hub]\nhost = '203.0.113.1'\n", "Check [hub] host"),
    ],
)
def test_what_can_not_start_says_why(
    tmp_path: Path, settings: str, words: str, capsys: pytest.CaptureFixture[str], fresh_logs: None
) -> None:
    (tmp_path / "belvedere.toml").write_text(settings)
    assert serve.main(["--data", str(tmp_path), *(["--port", "0"] if "mysql" in settings else [])]) != 0
    told = capsys.readouterr()
    assert words in told.err and told.out == ""


def test_a_port_in_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], fresh_logs: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert serve.main(["--data", str(tmp_path), "--port", str(other.getsockname()[1])]) == 1
    assert "in use" in capsys.readouterr().err
