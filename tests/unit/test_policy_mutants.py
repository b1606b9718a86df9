"""Every small change of the policy is noticed by its unit tests. Long: some hundred mutants, each in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = (
    *("test_policy_full", "test_policy_acts", "test_policy_table"),
    *("test_policy_decision", "test_policy_signed", "test_policy_originals", "test_policy_plan", "test_policy_card"),
    "test_policy_standing",
)
EQUIVALENT: tuple[str, ...] = ()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_mutant_survives(tmp_path: Path) -> None:
    report = tmp_path / "mutants.json"
    command = [sys.executable, str(ROOT / "tests" / "mutants.py"), "belvedere.policy", *TESTS, "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert report.exists(), done.stderr
    found = json.loads(report.read_text("utf-8"))
    assert found["mutants"] > 300
    assert [each for each in found["survivors"] if each not in EQUIVALENT] == []
