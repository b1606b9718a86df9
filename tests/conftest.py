"""For all tests: property tests look for wrong answers, never for slow ones, and give the same examples every time.

`--page` writes docs/reference/how-it-is-tested.md from what the run found.
"""

import platform
from datetime import UTC, datetime

import pytest
from hypothesis import settings

from proofs import PAGE, Outcome, page

settings.register_profile("belvedere", deadline=None, derandomize=True)
settings.load_profile("belvedere")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--page", action="store_true", help="write docs/reference/how-it-is-tested.md from this run")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--page"):
        return
    outcomes = [
        Outcome(
            report.nodeid.removeprefix("tests/"),
            "failed" if state == "error" else state,
            _words(report),
            report.duration,
        )
        for state in ("passed", "failed", "error", "skipped")
        for report in terminalreporter.stats.get(state, [])
    ]
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    text = page(outcomes, datetime.now(UTC).date().isoformat(), machine, PAGE.read_text("utf-8"))
    PAGE.write_text(text, "utf-8")


def _words(report: pytest.TestReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return report.longreprtext.strip().splitlines()[-1][:200] if report.longreprtext.strip() else ""
