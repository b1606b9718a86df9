"""A start does no more than it must: modules loaded, routes built, rows written."""

import asyncio
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from belvedere.cli.estate import Estate, Part
from belvedere.cli.estate_people import codes_of_the_demo
from belvedere.cli.main import _ADDED, _COMMANDS
from belvedere.cli.supervise import Line
from belvedere.demo.cameras import CAMERAS
from belvedere.foundation.clock import HOUR_US, SimulatedClock
from belvedere.foundation.settings import Settings, load_settings
from belvedere.hub.app import ROOMS, create_app
from belvedere.hub.context import HubContext
from belvedere.hub.register.cameras import open_register
from belvedere.hub.storage import open_engine, reading
from belvedere.hub.storage.metadata import METADATA
from belvedere.link.client import SiteLink
from hub_stage import lay_out

HEAVY = {"sqlalchemy", "fastapi", "numpy", "av", "cv2", "uvicorn", "httpx", "webauthn"}


@pytest.mark.parametrize("word", ["version", "demo"])
def test_a_command_loads_its_own_module_only(word: str) -> None:
    script = f"""
import sys
from belvedere.cli.main import _command
_command({word!r})
print(*sys.modules)"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    ours = {name.removeprefix("belvedere.cli.") for name in loaded if name.startswith("belvedere.cli.")}
    assert not HEAVY & loaded
    assert (
        ours
        == {"version": {"main", "version"}, "demo": {"main", "start", "demo_fault", "options", "supervise", "up"}}[word]
    )


def test_every_module_with_commands_is_in_the_table() -> None:
    places = {place.partition(":")[0] for words in (_COMMANDS, *_ADDED.values()) for place in words.values()}
    folder = Path(sys.modules["belvedere.cli.main"].__file__ or "").parent
    assert {f"{place}.py" for place in places} <= {path.name for path in folder.glob("*.py")}
    assert set(_ADDED) <= set(_COMMANDS)


def _no_hub() -> AbstractAsyncContextManager[HubContext]:
    raise AssertionError("not opened in this test")


def test_the_rooms_routes_are_built_once_for_all_applications() -> None:
    first, second = (create_app(_no_hub) for _ in range(2))
    same = [one for one, other in zip(first.router.routes, second.router.routes, strict=True) if one is other]
    assert same == [route for room in ROOMS for route in room.routes]
    assert len(first.router.routes) - len(same) == 2, "the description, and the pages"


def _rows(settings: Settings) -> dict[str, int]:
    engine = open_engine(settings.hub_database_url)
    try:
        with reading(engine) as connection:
            return {
                table.name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
                for table in METADATA.sorted_tables
            }
    finally:
        engine.dispose()


async def test_the_demos_second_start_writes_nothing_but_codes(tmp_path: Path) -> None:
    settings, clock = load_settings(tmp_path), SimulatedClock()
    lay_out(settings)
    settings.map_folder.mkdir(parents=True)
    (settings.map_folder / "map.json").write_text("{}")  # drawing the town is not what is tested
    lines: asyncio.Queue[Line] = asyncio.Queue()
    part = Part(settings, SiteLink(settings.link_socket), tuple(plan.id for plan in CAMERAS))
    found = []
    for _ in range(3):
        codes_of_the_demo(settings, clock)
        await Estate(settings, clock, lines, [part]).furnish()
        with open_register(settings, clock) as register:
            found.append((register.list_cameras(), register.sites()))
        clock.advance(HOUR_US)
    assert len(found[0][0]) == len(CAMERAS)
    assert found[0] == found[1] == found[2]
    before = _rows(settings)
    codes = codes_of_the_demo(settings, clock)
    await Estate(settings, clock, lines, [part]).furnish()
    grown = {name: count - before[name] for name, count in _rows(settings).items() if count != before[name]}
    assert grown == {"local_act": len(codes)}
    with open_register(settings, clock) as register:
        register.remove_camera(CAMERAS[0].id)
    await Estate(settings, clock, lines, [part]).furnish()
    with open_register(settings, clock) as register:
        assert {camera.id for camera in register.list_cameras()} == {plan.id for plan in CAMERAS}
