"""Gaps: everything asked for is either shown or listed as missing, with the reason that fits."""

from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.evidence.footage import Stretch, join_pieces
from belvedere.hub.evidence.gaps import NOT_KEPT, NOT_RECORDED, SLACK_US, find_gaps
from belvedere.hub.evidence.manifest import Source
from belvedere.link.messages import Piece, Run

S = SECOND_US


def run(start: int, end: int, reason: str = "camera_closed") -> Run:
    return Run(start * S, end * S, reason, False, 0)


def spans(start: int, end: int, covered: list[tuple[int, int]], runs: list[Run]) -> list[tuple[float, float, str]]:
    gaps = find_gaps(start * S, end * S, [(a * S, b * S) for a, b in covered], runs)
    return [(gap.start_us / S, gap.end_us / S, gap.reason) for gap in gaps]


def test_whole_cover_has_no_gap() -> None:
    assert spans(10, 20, [(9, 15), (15, 21)], [run(0, 30)]) == []
    assert find_gaps(0, 10 * S, [(SLACK_US, 10 * S)], []) == ()


def test_each_gap_has_the_reason_of_the_run_before_it() -> None:
    runs = [run(0, 12, "camera_unreachable"), run(15, 18, "disk_full"), run(19, 30, "")]
    assert spans(10, 20, [(9, 12), (15, 18), (19, 21)], runs) == [
        (12, 15, "camera_unreachable"),
        (18, 19, "disk_full"),
    ]


def test_a_gap_over_several_causes_is_told_apart() -> None:
    runs = [run(5, 8, "restart"), run(12, 14, "crash")]
    assert spans(0, 20, [], runs) == [
        (0, 5, NOT_RECORDED),
        (5, 8, NOT_KEPT),
        (8, 12, "restart"),
        (12, 14, NOT_KEPT),
        (14, 20, "crash"),
    ]


def test_nothing_recorded_and_reasons_unknown() -> None:
    assert spans(0, 5, [], []) == [(0, 5, NOT_RECORDED)]
    assert spans(5, 9, [], [run(0, 5, "a later version's reason")]) == [(5, 9, "unknown")]


@given(
    covered=st.lists(st.tuples(st.integers(-50, 150), st.integers(1, 40)), max_size=8),
    runs=st.lists(st.tuples(st.integers(-50, 150), st.integers(1, 60)), max_size=6),
)
def test_shown_and_missing_make_the_whole(covered: list[tuple[int, int]], runs: list[tuple[int, int]]) -> None:
    shown = [(start, start + length) for start, length in covered]
    gaps = spans(0, 100, shown, [run(start, start + length) for start, length in runs])
    for second in range(100):
        inside = any(start <= second < end for start, end in shown)
        listed = sum(start <= second < end for start, end, _ in gaps)
        assert listed == (0 if inside else 1)
    assert all(end > start for start, end, _ in gaps)
    assert gaps == sorted(gaps)


def piece(
    start_s: float, segment: int = 1, start: int = 0, run_id: int = 1, config: str = "a", media: int = 0
) -> Piece:
    return Piece(segment, config, run_id, int(start_s * S), 2 * S, media, start, start + 100)


def test_pieces_join_while_nothing_breaks() -> None:
    stretches = join_pieces(
        [
            piece(0, 1, 0),
            piece(2, 1, 100, media=180_000),
            piece(4, 2, 0, media=360_000),
            piece(6, 2, 100, run_id=2),
            piece(8, 2, 200, run_id=2, config="b"),
            piece(12, 2, 300, run_id=2, config="b"),
        ]
    )
    assert [len(stretch.pieces) for stretch in stretches] == [3, 1, 1, 1]
    first = stretches[0]
    assert (first.start_us, first.end_us, first.duration_90k, first.bytes) == (0, 6 * S, 540_000, 300)
    assert first.sources == (Source(1, 0, 200), Source(2, 0, 100))
    assert join_pieces([]) == ()
    assert isinstance(first, Stretch)
