"""Cameras that come and go: one a hundred times over, and a hundred at the same moment. Counted and put in order, not timed."""

import random
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from belvedere.foundation.clock import SECOND_US, SimulatedClock
from belvedere.media.stream import EndReason
from belvedere.site.ingest.camera import Camera
from belvedere.site.ingest.foreign import ForeignCamera
from belvedere.site.ingest.gate import AT_ONCE
from belvedere.site.ingest.keeper import Phase, StreamKeeper, Surroundings
from belvedere.site.ingest.messages import FragmentCame, OpenStream, RunEnd, RunStart, StreamState
from belvedere.site.ingest.names import Endpoint, NameLookups, literal_endpoint
from belvedere.site.ingest.recorder_link import RecorderLink
from ingest_stage import Film, Line, Packetizer, Recorder, Script, ScriptedCamera, answer, describe, film

pytestmark = pytest.mark.faults
SWEEP_US = 150_000


class Stage:
    """The cameras of one process on a clock that the test moves; sockets and selector are real."""

    def __init__(self, connection: socket.socket, names: NameLookups | None = None) -> None:
        self.clock = SimulatedClock()
        self.selector = selectors.DefaultSelector()
        self.link = RecorderLink(connection)
        self.around = Surroundings(self.clock, self.link, self.selector, names or NameLookups(), random.Random(3))
        self.cameras: list[StreamKeeper] = []

    def open(self, url: str) -> StreamKeeper:
        kind = Camera if url.startswith("rtsp://") else ForeignCamera
        self.cameras.append(kind(OpenStream(len(self.cameras) + 1, url, "", ""), self.around))
        return self.cameras[-1]

    def sweep(self, us: int = SWEEP_US, wait_s: float = 0.01) -> None:
        """What the loop does in one sweep; then `us` pass."""
        for key, mask in self.selector.select(wait_s):
            key.data.ready(mask)
        for camera in self.cameras:
            camera.tick(self.clock.monotonic_us())
        self.link.flush()
        self.around.bury()
        self.clock.advance(us)

    def close(self) -> None:
        for camera in self.cameras:
            camera.close(EndReason.RESTART, "")
        for reader in self.around.dying:
            reader.wait(60)
        self.selector.close()


@contextmanager
def stage(names: NameLookups | None = None) -> Iterator[tuple[Stage, Recorder]]:
    here, there = socket.socketpair()
    with here, there:
        there.settimeout(20)
        on = Stage(here, names)
        recorder = Recorder(there)
        drain = threading.Thread(target=lambda: [None for _ in iter(recorder.next, None)], daemon=True)
        drain.start()
        yield on, recorder
        on.close()
        on.link.drain(5)
        here.shutdown(socket.SHUT_RDWR)
        drain.join(10)


def flaps(shown: Film) -> Script:
    """Plays the whole film and hangs up."""

    def play(line: Line) -> None:
        line.send(Packetizer(shown.codec).film(shown))
        line.connection.shutdown(socket.SHUT_RDWR)

    return answer(describe(shown), play)


def test_a_camera_that_flaps_a_hundred_times_loses_no_picture_and_leaks_nothing() -> None:
    shown = film(frames=30)
    with ScriptedCamera(flaps(shown)) as served, stage() as (on, recorder):
        camera = on.open(served.url)
        waits: list[int] = []
        while len(waits) < 100:
            waited = at(camera, Phase.WAITING)
            on.sweep(us=1)
            if at(camera, Phase.WAITING) and not waited:
                began_us = on.clock.monotonic_us()
                while at(camera, Phase.WAITING):
                    on.sweep(us=SECOND_US // 4, wait_s=0)
                waits.append(on.clock.monotonic_us() - began_us)
        assert len(on.around.gate) <= 1 and on.around.gate.waiting == 0
        # It never plays for ten seconds, so each wait is one of a camera in trouble, and none is for ever.
        assert all(SECOND_US // 2 < wait_us <= 31 * SECOND_US for wait_us in waits)
        assert max(waits) > 14 * SECOND_US and len(set(waits[10:])) > 10
        camera.close(EndReason.REMOVED, "")  # so that the last connection counts as well
    runs = [start for start in recorder.seen if isinstance(start, RunStart)]
    frames = sum(each.frames for each in recorder.seen if isinstance(each, FragmentCame))
    ends = [end.reason for end in recorder.seen if isinstance(end, RunEnd)]
    assert len(runs) == len(ends) >= 100
    assert frames >= 100 * len(shown.pictures)
    assert set(ends[:100]) == {"camera_closed"}


def test_a_hundred_cameras_back_at_once_go_through_the_gate_in_order() -> None:
    shown = film(frames=10)
    asked: list[int] = []
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener, stage() as (on, recorder):
        url = f"rtsp://127.0.0.1:{listener.getsockname()[1]}/"
        listener.settimeout(60)
        for number in range(100):
            on.open(f"{url}{number}")
        data = describe(shown)
        line_of: list[socket.socket] = []

        def serve() -> None:
            script = answer(data, lambda line: line.send(Packetizer(shown.codec).film(shown)))
            while len(line_of) < 100:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                line_of.append(connection)
                connection.settimeout(60)
                threading.Thread(target=quietly, args=(script, Line(connection)), daemon=True).start()

        def quietly(script: Script, line: Line) -> None:
            try:
                script(line)
            except OSError:
                pass

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        most = 0
        for _ in range(2000):
            on.sweep(us=20_000, wait_s=0.02)  # the cameras are threads here: they need real time to answer
            most = max(most, len(on.around.gate))
            asked += [
                index
                for index, camera in enumerate(on.cameras)
                if camera.phase is not Phase.WAITING and index not in asked
            ]
            if all(camera.phase is Phase.PLAYING for camera in on.cameras):
                break
        assert all(camera.phase is Phase.PLAYING for camera in on.cameras)
        assert most <= AT_ONCE and on.around.gate.most_inside <= AT_ONCE
        assert all(abs(place - index) < AT_ONCE for place, index in enumerate(asked))
        # All lose their camera at one moment.
        for connection in line_of:
            connection.shutdown(socket.SHUT_RDWR)
        for _ in range(20_000):
            on.sweep(us=1, wait_s=0.002)
            if all(camera.phase is Phase.WAITING for camera in on.cameras):
                break
        due = sorted(camera._due_us for camera in on.cameras)
        assert due[-1] - due[0] > SECOND_US // 2  # spread over most of a second already the first time
        server.join(5)
        for connection in line_of:
            connection.close()
    assert len({state.stream for state in recorder.seen if isinstance(state, StreamState)}) == 100


class Directory(NameLookups):
    """Names that mean what the test says."""

    def __init__(self, answers: list[str]) -> None:
        super().__init__()
        self.answers = answers
        self.questions = 0

    def start(self, host: str, port: int) -> bool:
        return True

    def result(self, host: str, port: int) -> tuple[bool, Endpoint | None]:
        self.questions += 1
        return True, literal_endpoint(self.answers[min(self.questions, len(self.answers)) - 1], port)


def test_a_name_is_asked_once_and_kept_and_another_network_s_answer_is_refused() -> None:
    shown = film(frames=10)
    names = Directory(["127.0.0.1", "127.0.9.1"])
    with stage(names) as (on, recorder):
        with ScriptedCamera(flaps(shown)) as served:
            camera = on.open(served.url.replace("127.0.0.1", "gate.example"))
            for _ in range(3000):
                on.sweep(us=20_000, wait_s=0.001)
                if camera.reconnects >= 3:
                    break
            assert camera.reconnects >= 3 and names.questions == 1
        for _ in range(4000):
            on.sweep(us=50_000, wait_s=0)
            if names.questions >= 3:
                break
        assert names.questions >= 3
    said = [state.message for state in recorder.seen if isinstance(state, StreamState)]
    assert any("another network's address" in message for message in said)
    assert all(len(line.requests) < 2 or "gate.example" in line.requests[0] for line in served.lines)


def test_a_redirect_is_refused_and_the_other_place_is_never_asked() -> None:
    elsewhere = socket.create_server(("127.0.0.1", 0))
    elsewhere.settimeout(0)
    place = f"rtsp://127.0.0.1:{elsewhere.getsockname()[1]}/"

    def moved(line: Line) -> None:
        line.reply(line.request(), status="302 Moved", headers=f"Location: {place}\r\n")

    with elsewhere, ScriptedCamera(moved) as served, stage() as (on, recorder):
        camera = on.open(served.url)
        for _ in range(200):
            on.sweep(us=10_000)
            if camera.phase is Phase.WAITING and camera.reconnects >= 0:
                break
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    said = [state.message for state in recorder.seen if isinstance(state, StreamState)]
    assert any("redirects to another address, which is not followed" in message for message in said)


def at(camera: StreamKeeper, phase: Phase) -> bool:
    return camera.phase is phase


def test_a_camera_that_reads_nothing_is_given_up_and_so_is_one_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, stage() as (on, recorder):
        camera = on.open(f"rtsp://127.0.0.1:{listener.getsockname()[1]}/")
        for _ in range(50):
            on.sweep(us=10_000)
            if at(camera, Phase.TALKING):
                break
        assert at(camera, Phase.TALKING)
        on.clock.advance(11 * SECOND_US)
        on.sweep()
        assert at(camera, Phase.WAITING) and len(on.around.gate) == 0
    said = [state.message for state in recorder.seen if isinstance(state, StreamState)]
    assert any("does not answer RTSP" in message for message in said)
