"""Our parsers under bytes that no camera should send: the corpus, wounded copies of it, and what hypothesis makes up.

The same targets run under a coverage-guided fuzzer in bench/fuzz.py.
"""

import random
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))

from fuzz import mutate  # noqa: E402
from fuzz_targets import TARGETS, Target  # noqa: E402

CORPUS = ROOT / "tests" / "corpus"


def run(target: Target, data: bytes) -> None:
    try:
        target.call(data)
    except target.allowed:
        pass


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_corpus_and_wounded_copies_of_it(target: Target) -> None:
    files = sorted((CORPUS / target.name).glob("*"))
    assert files
    chance = random.Random(11)
    for path in files:
        data = path.read_bytes()
        run(target, data)
        for _ in range(25):
            run(target, mutate(data, chance))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes(target: Target, data: bytes) -> None:
    run(target, data)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 65_535), max_size=120))
def test_packets_in_any_order_come_out_in_order_or_not_at_all(sequence: list[int]) -> None:
    from belvedere.site.ingest.reader_rtp import DEPTH, Sequencer

    order = Sequencer()
    for number in sequence:
        order.put(b"\x80\x60" + number.to_bytes(2) + bytes(8))
        assert len(order._held) < DEPTH


@given(st.integers(0, 65_535), st.permutations(range(12)))
def test_packets_that_overtake_each_other_a_little_are_put_right(first: int, turn: list[int]) -> None:
    from belvedere.site.ingest.reader_rtp import Sequencer

    order = Sequencer()
    out = order.put(b"\x80\x60" + first.to_bytes(2) + bytes(8))
    for at in turn:
        out += order.put(b"\x80\x60" + ((first + 1 + at) & 0xFFFF).to_bytes(2) + bytes(8))
    assert [int.from_bytes(packet[2:4]) for packet in out] == [(first + at) & 0xFFFF for at in range(13)]
