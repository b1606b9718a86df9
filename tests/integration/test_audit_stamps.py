"""A day's timestamp from a real authority (OpenSSL's), over HTTP on this machine: checked by the hub, and again by OpenSSL."""

import asyncio
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509

from belvedere.foundation.clock import DAY_US, SECOND_US
from belvedere.foundation.errors import LinkFault, NotFound, StorageFault
from belvedere.hub.audit.stamps import StampDesk, StampRefused, check_stamp
from hub_stage import HubStage, hub_stage

OPENSSL = shutil.which("openssl")
# Without a `certs` line: its answers break the strict order that DER asks for (OpenSSL 3.0).
CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[usage]
extendedKeyUsage = critical,timeStamping
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
"""


class Authority:
    """Keys and certificates in a folder; answers through `openssl ts`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.spoil = False
        (folder / "conf").write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "/dev/null"]
        self.run(
            *new, "-x509", "-days", "30", "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=Root",
            "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip
        self.run(*new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Stamps")
        self.run(
            "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "30",
            "-extfile", "conf", "-extensions", "usage", "-out", "tsa.pem",
        )  # fmt: skip

    def run(self, *words: str) -> None:
        assert OPENSSL is not None
        subprocess.run([OPENSSL, *words], cwd=self.folder, check=True, capture_output=True, timeout=30)

    def answer(self, request: bytes) -> bytes:
        (self.folder / "query").write_bytes(request)
        self.run("ts", "-reply", "-config", "conf", "-section", "here", "-queryfile", "query", "-out", "reply")
        data = (self.folder / "reply").read_bytes()
        return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:] if self.spoil else data


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Authority, str]]:
    if OPENSSL is None:
        pytest.skip("NO OPENSSL: timestamps were not tested")
    made = Authority(tmp_path_factory.mktemp("tsa") / "a")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = made.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def desk_of(stage: HubStage, folder: Path, url: str, roots: Path) -> StampDesk:
    return StampDesk(folder, url, str(roots), stage.hub.audit, stage.clock)


async def test_a_days_stamp_holds_for_the_hub_and_for_openssl(tmp_path: Path, authority: tuple[Authority, str]) -> None:
    made, url = authority
    async with hub_stage(tmp_path / "hub") as stage:
        folder, root = tmp_path / "stamps", made.folder / "root.pem"
        desk = desk_of(stage, folder, url, root)
        stamp = await desk.stamp()
        assert stamp is not None and stage.kinds()[-1] == "log.timestamped"
        assert await desk.stamp() is None  # one a day
        note, answer = desk.read(f"{stamp.day}.checkpoint"), desk.read(f"{stamp.day}.tsr")
        roots = x509.load_pem_x509_certificates(root.read_bytes())
        assert check_stamp(answer, note, roots) == stamp.time_us and stamp.time_us % SECOND_US == 0
        made.run(
            "ts", "-verify", "-data", str(folder / f"{stamp.day}.checkpoint"), "-in", str(folder / f"{stamp.day}.tsr"),
            "-CAfile", str(root),
        )  # fmt: skip
        for wrong in ("../hub.db", "2026-01-01.tsr", "x"):
            with pytest.raises(NotFound):
                desk.read(wrong)
        stage.clock.advance(DAY_US)
        assert await desk.stamp() is not None


async def test_what_does_not_hold_is_not_kept(tmp_path: Path, authority: tuple[Authority, str]) -> None:
    made, url = authority
    root = made.folder / "root.pem"
    other = Authority(tmp_path / "other")
    async with hub_stage(tmp_path / "hub") as stage:
        folder = tmp_path / "stamps"
        with pytest.raises(StampRefused):  # another authority's root
            await desk_of(stage, folder, url, other.folder / "root.pem").stamp()
        made.spoil = True
        with pytest.raises(StampRefused):
            await desk_of(stage, folder, url, root).stamp()
        made.spoil = False
        with pytest.raises(LinkFault):
            await desk_of(stage, folder, "http://127.0.0.1:1/", root).stamp()
        with pytest.raises(StorageFault, match="certificates"):
            await desk_of(stage, folder, url, tmp_path / "none").stamp()
        assert not folder.exists() and "log.timestamped" not in stage.kinds()
        await desk_of(stage, folder, "", root).run()  # no authority: nothing to do
        stamp = await desk_of(stage, folder, url, root).stamp()
        assert stamp is not None
        roots = x509.load_pem_x509_certificates(root.read_bytes())
        answer, note = (folder / f"{stamp.day}.tsr").read_bytes(), (folder / f"{stamp.day}.checkpoint").read_bytes()
        for wrong, message in ((answer, note + b"x"), (answer[:-1], note), (b"", note)):
            with pytest.raises(StampRefused):
                check_stamp(wrong, message, roots)
        with pytest.raises(StampRefused):
            check_stamp(answer, note, roots, nonce=1)


async def test_an_authority_that_is_away_is_asked_again(tmp_path: Path) -> None:
    async with hub_stage(tmp_path / "hub") as stage:
        desk = desk_of(stage, tmp_path / "stamps", "http://127.0.0.1:1/", tmp_path / "none")
        task = asyncio.create_task(desk.run())
        while not desk.fault:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert "certificates" in desk.fault
