"""The link over real packets between two network namespaces: whatever the line does, everything arrives once and in order."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from far_stage import FarSite, FarStage, far_stage, impatient, noticing, until
from namespace_stage import why_not

_WHY = why_not()
pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(_WHY), reason=_WHY or "-"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FarStage]:
    with pytest.MonkeyPatch.context() as patch:
        impatient(patch)
        noticing(patch)
        async with far_stage(tmp_path_factory.mktemp("far")) as opened:
            yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(stage: FarStage) -> FarSite:
    return await stage.running("rowan")


@pytest.fixture(autouse=True)
def mended(stage: FarStage) -> None:
    stage.line.well()


async def test_a_partition_ends_with_everything_at_the_hub(stage: FarStage, site: FarSite) -> None:
    await stage.up(site)
    stage.line.cut = True
    site.happen(40)
    await until(lambda: stage.hub.fleet.switchboard.line("rowan") is None and not site.out.dialler.connected)
    site.happen(700)
    assert stage.hub.fleet.records.count("rowan") < 740
    stage.line.cut = False
    await stage.up(site)
    await stage.arrived(site)


async def test_three_packets_in_ten_are_lost(stage: FarStage, site: FarSite) -> None:
    await stage.up(site)
    await stage.arrived(site)
    stage.line.loss, before = 0.3, stage.line.lost
    for _ in range(4):
        site.happen(50, letters=400)
        await stage.arrived(site)
    assert stage.line.lost > before


async def test_a_line_of_200_kbit_carries_records_and_answers(stage: FarStage, site: FarSite) -> None:
    await stage.up(site)
    stage.line.rate, before = 25_000, sum(stage.line.carried)
    site.happen(200, letters=400)
    assert (await stage.hub.fleet.to("rowan").status()).site == "main"
    await stage.arrived(site)
    assert sum(stage.line.carried) - before > 20_000
