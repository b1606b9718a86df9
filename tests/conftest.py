"""For all tests: property tests look for wrong answers, never for slow ones, and give the same examples every time.

`--page` writes docs/reference/how-it-is-tested.md and the table of times from what the run found. Under xdist slow files go first.
"""

import gc
import json
import os
import platform
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from hub_files import opens_hubs
from pace import TIMES, lane, measured, read_times, renewed, turn, write_times
from proofs import PAGE, Outcome, page

# Tests that are about something else open footage as one person does. Those about access choose their table themselves, and the
# demo starts as people get it (`acceptance_stage.start_estate`).
os.environ.setdefault("BELVEDERE_HUB__ACCESS", "open_desk")
os.environ.setdefault("BELVEDERE_SITE__FETCH_MODEL", "false")  # no test brings 144 MB by itself

# Under which engine the hubs of this run are: sqlite, or postgresql (docs/design/postgres.md).
DATABASE = os.environ.get("BELVEDERE_TEST_DATABASE", "sqlite")

# As in the product's processes, which do without rich: one stack with everything that was in scope took 160 ms to draw.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback

settings.register_profile("belvedere", deadline=None, derandomize=True)
settings.load_profile("belvedere")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--page", action="store_true", help="write docs/reference/how-it-is-tested.md from this run")
    parser.addoption("--hub-tests", action="store_true", help="only tests that open a hub in their own process")
    parser.addoption(
        "--failed-to", type=Path, help="write the ids of the tests that failed to a JSON file; run.py asks"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked `both_engines` runs once on each, unless the whole run is on PostgreSQL."""
    if metafunc.definition.get_closest_marker("both_engines") and DATABASE == "sqlite":
        metafunc.parametrize("hub_database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(scope="session", autouse=True)
def hubs_of_the_run() -> Iterator[None]:
    """What fixtures of modules open, in a run on PostgreSQL."""
    if DATABASE == "sqlite":
        yield
        return
    from postgres_stage import hubs_here

    with hubs_here():
        yield


@pytest.fixture(autouse=True)
def hub_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The engine under the hubs that this test opens and names no database for: docs/design/postgres.md."""
    engine: str = getattr(request, "param", DATABASE)
    if DATABASE == engine == "sqlite":
        yield engine
        return
    from postgres_stage import hubs_here, hubs_on_sqlite  # here: most runs of a few tests need no PostgreSQL

    with hubs_on_sqlite() if request.node.get_closest_marker("sqlite_only") else hubs_here():
        yield engine


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without a look for garbage meanwhile, nor later among what was imported: a quarter of the time that collecting takes."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--hub-tests"):
        chosen = [item for item in items if opens_hubs(item.path) and not item.get_closest_marker("sqlite_only")]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen
    if hasattr(config, "workerinput"):  # alone the order of the folders is the better one to read
        times = read_times()
        items.sort(key=lambda item: turn(item.nodeid.split("::")[0].removeprefix("tests/"), times))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Whole files to a worker, as with `--dist loadfile`, and those that drive browsers together (see `pace.lane`)."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class Lanes(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return lane(nodeid, len(self.nodes) or 1)

    return Lanes(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what failed, unless the run was broken off: then nobody knows what else would have."""
    target: Path | None = session.config.getoption("--failed-to")
    if target is None or hasattr(session.config, "workerinput") or session.shouldfail or session.shouldstop:
        return
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(terminal, pytest.TerminalReporter)
    failed = {report.nodeid for state in ("failed", "error") for report in terminal.stats.get(state, [])}
    target.write_text(json.dumps(sorted(failed)), "utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--page"):
        return
    outcomes = [
        Outcome(
            report.nodeid.removeprefix("tests/"),
            "failed" if state == "error" else state,
            _words(report),
            getattr(report, "duration", 0.0),  # what was passed over while it was collected has none
        )
        for state in ("passed", "failed", "error", "skipped")
        for report in terminalreporter.stats.get(state, [])
    ]
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    text = page(outcomes, datetime.now(UTC).date().isoformat(), machine, PAGE.read_text("utf-8"))
    PAGE.write_text(text, "utf-8")
    reports = [report for state in terminalreporter.stats.values() for report in state if hasattr(report, "duration")]
    now = measured((report.nodeid.removeprefix("tests/"), report.duration) for report in reports)
    files = [path.relative_to(TIMES.parent).as_posix() for path in TIMES.parent.rglob("test_*.py")]
    write_times(renewed(read_times(), now, files))


def _words(report: pytest.TestReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return report.longreprtext.strip().splitlines()[-1][:200] if report.longreprtext.strip() else ""
