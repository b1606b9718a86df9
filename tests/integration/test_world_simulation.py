"""A sample of the lives that `bench simulation` lives ten thousand of; and each fault planted in that world is found."""

from pathlib import Path

import pytest

from world_stage import PLANTED, World, dwell

SEED = {
    "the mark is not in the records' transaction": 2,
    "a full disk is no reason to refuse": 26,
}  # of the first that finds it


@pytest.mark.parametrize("seed", range(8))
def test_a_life_in_a_worse_world_ends_with_everything_once_and_in_order(tmp_path: Path, seed: int) -> None:
    assert dwell(tmp_path / "life", World, seed, 40)


@pytest.mark.parametrize("fault", PLANTED)
def test_each_planted_fault_is_found(tmp_path: Path, fault: str) -> None:
    seed = SEED.get(fault, 0)
    assert not dwell(tmp_path / "faulty", PLANTED[fault], seed, 40)
    assert dwell(tmp_path / "sound", World, seed, 40), "the same life without it"
