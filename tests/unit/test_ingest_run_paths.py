"""The quick way through pictures that simply go on and the careful way through all others tell the recorder the same."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.media.access_unit import AccessUnit, Part
from belvedere.media.sdp import parse_sdp
from belvedere.media.stream import EndReason
from belvedere.site.ingest import run as run_module
from belvedere.site.ingest.messages import FragmentCame, LiveFrame, RunEnd, RunStart, ToRecorder
from belvedere.site.ingest.recorder_link import RecorderLink
from belvedere.site.ingest.run import RunWriter
from ingest_stage import describe, film

SHOWN = film(frames=2)
OTHER = film(frames=2, width=640, height=360)


class Heard(RecorderLink):
    """A recorder's end that writes down what it is told, and has no room for some fragments."""

    def __init__(self, refused: set[int]) -> None:
        self.told: list[object] = []
        self._refused = refused
        self._count = 0

    @property
    def has_room(self) -> bool:
        return True

    def send(self, message: ToRecorder) -> None:
        self.told.append(message)

    def send_fragment(self, message: FragmentCame, parts: list[Part]) -> bool:
        self._count += 1
        if self._count in self._refused:
            return False
        self.told.append((message, b"".join(parts)))
        return True

    def send_live(self, message: LiveFrame, data: bytes) -> bool:
        self.told.append((message, data))
        return True


class Track:
    """Where access units come from."""

    known_sets: frozenset[bytes] = frozenset()


class Careful(RunWriter):
    """Takes every picture the careful way."""

    def _follow(self, units: list[AccessUnit], arrival_us: int, monotonic_us: int) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class Step:
    """One picture: how far on from the one before, in RTP's ticks."""

    ticks: int
    keyframe: bool
    starts: bool
    size: int
    lost: int
    sets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Read:
    after_us: int
    steps: tuple[Step, ...]


STEPS = st.builds(
    Step,
    st.sampled_from((3600,) * 30 + (1800, 45_000, 89_999, 90_000, 90_001, 0, -3600, -90_001, 400_000, 1 << 31)),
    st.sampled_from((False,) * 9 + (True,)),
    st.sampled_from((True,) * 30 + (False,)),
    st.sampled_from((40, 1000, 5000)),
    st.sampled_from((0,) * 12 + (1, 3)),
    st.sampled_from(((),) * 30 + (SHOWN.parameter_sets, OTHER.parameter_sets)),
)
READS = st.lists(
    st.builds(
        Read,
        st.sampled_from((250_000,) * 8 + (0, 40_000, 3_000_000, 11_000_000)),
        st.lists(STEPS, min_size=1, max_size=9).map(tuple),
    ),
    min_size=1,
    max_size=14,
)


def told(kind: type[RunWriter], reads: list[Read], first: int, refused: set[int], live_at: set[int]) -> object:
    """All that a run writer says of `reads`, and what it counts."""
    ear = Heard(refused)
    video = parse_sdp(describe(SHOWN, True).encode(), "rtsp://h/").video
    writer = kind(7, video, Track(), ear, live=False)
    timestamp, now_us, lost = first, 50_000_000, 0
    for number, read in enumerate(reads):
        now_us += read.after_us
        units = []
        for step in read.steps:
            timestamp = (timestamp + step.ticks) & 0xFFFF_FFFF
            lost += step.lost
            part = bytes((number & 255,)) * step.size
            units.append(AccessUnit([part], timestamp, step.keyframe, step.starts, False, step.sets, lost, len(part)))
        writer.add(units, 1_780_000_000_000_000 + now_us, now_us)
        if number in live_at:
            writer.set_live(number % 2 == 0)
    writer.end(EndReason.RESTART, "bye")
    return ear.told, writer.frames, writer.left_out


@settings(max_examples=100, deadline=None)
@given(READS, st.sampled_from((0, 90_000, 0xFFFF_FF00)), st.sets(st.integers(1, 12)), st.sets(st.integers(0, 14)))
def test_both_ways_tell_the_same(reads: list[Read], first: int, refused: set[int], live_at: set[int]) -> None:
    keyframe = Step(3600, True, True, 40, 0, ())
    reads = [Read(0, (keyframe,)), *reads]
    refused, live_at = refused if len(refused) < 3 else set(), live_at if len(live_at) < 3 else set()
    assert told(RunWriter, reads, first, refused, live_at) == told(Careful, reads, first, refused, live_at)


def test_an_ordinary_stream_goes_the_quick_way() -> None:
    taken = 0

    class Counting(RunWriter):
        def _follow(self, units: list[AccessUnit], arrival_us: int, monotonic_us: int) -> int:
            nonlocal taken
            quickly = super()._follow(units, arrival_us, monotonic_us)
            taken += quickly
            return quickly

    reads = [
        Read(250_000, tuple(Step(3600, n == 0 and r % 8 == 0, True, 900, 0, ()) for n in range(6))) for r in range(60)
    ]
    told(Counting, reads, 0, set(), set())
    assert taken > 0.9 * 360  # all but the first read of each ten seconds


def test_a_fragment_of_too_many_pictures_closes() -> None:
    ear = Heard(set())
    video = parse_sdp(describe(SHOWN, True).encode(), "rtsp://h/").video
    writer = RunWriter(7, video, Track(), ear, live=False)
    many = run_module._FRAGMENT_FRAMES + 3
    writer.add([AccessUnit([b"aaaaa"], n, n == 0, True, False, (), 0, 5) for n in range(1)], 0, 0)
    writer.add([AccessUnit([b"aaaaa"], n, False, True, False, (), 0, 5) for n in range(1, many)], 0, 0)
    writer.end(EndReason.RESTART, "")
    kinds = [type(message) for message in ear.told if not isinstance(message, tuple)]
    sizes = [message[0].frames for message in ear.told if isinstance(message, tuple)]
    assert kinds == [RunStart, RunEnd]
    assert sizes == [run_module._FRAGMENT_FRAMES, 3]
