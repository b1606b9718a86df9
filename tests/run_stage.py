"""A run writer between a depacketiser and a recorder's end, all in the test's own process."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from belvedere.media.fmp4 import read_fragment
from belvedere.media.nal import split_lengths
from belvedere.media.rtp import Depacketizer
from belvedere.media.sdp import parse_sdp
from belvedere.site.ingest.messages import FragmentCame, StreamState
from belvedere.site.ingest.recorder_link import RecorderLink
from belvedere.site.ingest.run import RunWriter
from ingest_stage import Film, Recorder, describe


class Stage:
    """A run writer between a depacketiser and a recorder that reads when told to."""

    def __init__(self, shown: Film, *, sets: bool = True, live: bool = False) -> None:
        near, far = socket.socketpair()
        far.settimeout(5)
        self.link = RecorderLink(near)
        self.recorder = Recorder(far)
        self.track = Depacketizer(shown.codec, 96)
        video = parse_sdp(describe(shown, sets).encode(), "rtsp://h/").video
        self.run = RunWriter(7, video, self.track, self.link, live=live)

    def feed(self, data: bytes, at_us: int = 0) -> None:
        self.run.add(self.track.feed(data), 1_780_000_000_000_000 + at_us, at_us)

    def read(self) -> list[object]:
        """Everything the recorder has been sent by now."""
        marker = StreamState(stream=0, state="", message="", reconnects=0)
        self.link.send(marker)
        before = len(self.recorder.seen)
        while True:
            self.link.flush()
            message = self.recorder.next()
            if message == marker:
                return list(self.recorder.seen[before:-1])

    def frames(self) -> list[tuple[bytes, ...]]:
        found = []
        for fragment in self.recorder.of(FragmentCame):
            for sample in read_fragment(fragment.data):
                found.append(tuple(split_lengths(fragment.data[sample.offset : sample.offset + sample.size])))
        return found


@contextmanager
def stage(shown: Film, *, sets: bool = True, live: bool = False) -> Iterator[Stage]:
    made = Stage(shown, sets=sets, live=live)
    try:
        yield made
    finally:
        made.link.close()
        made.recorder.connection.close()
