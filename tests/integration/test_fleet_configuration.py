"""A site's limits ordered at the hub: logged with the difference, brought when the site is there, refused when older."""

import asyncio
from pathlib import Path

import pytest

from belvedere.foundation.errors import BadInput, Conflict, NotFound, Refused
from belvedere.foundation.settings import SiteSettings
from belvedere.hub.fleet.configuration import NOT_TAKEN, Version, difference
from belvedere.link.configuration import Configuration, ConfigurationState, LineLimits, sign_configuration
from belvedere.site.storage.index import Index
from belvedere.site.uplink.configuration import ConfigurationBook
from fleet_stage import Box, FleetStage, fleet_stage

SLOW = LineLimits(2000, 8000, (22 * 60, 6 * 60))


def keeping(stage: FleetStage, box: Box) -> tuple[ConfigurationBook, Index]:
    """What the site's process has beside the box."""
    index = Index(stage.folder / box.site / "index.db", stage.clock)
    settings = SiteSettings.model_validate({"id": box.site, "line_kbit": 4000})
    book = ConfigurationBook(index, stage.clock, settings, stage.folder / box.site / "hub.pub")
    box.uplink._answers = book.answers
    return book, index


async def taken(stage: FleetStage, site: str, version: int) -> Version:
    """Until the site has said that it goes by this version."""
    async with asyncio.timeout(120):
        while True:
            newest = await asyncio.to_thread(stage.hub.fleet.configuration.newest, site)
            if newest is not None and newest.document.version == version and newest.taken_us is not None:
                return newest
            await asyncio.sleep(0.02)


async def test_limits_are_ordered_with_a_difference_brought_and_never_set_back(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        desk, sites = stage.hub.fleet.configuration, stage.hub.fleet.desk.sites
        box = stage.box("rowan", "gate")
        await stage.let_in(box)
        book, index = keeping(stage, box)
        try:
            made = await desk.order(stage.ann, "rowan", sites(), SLOW, "the line is shared with the school")
            assert made.document.version == 1 and desk.told == {}, "it is away: kept until it calls"
            box.dialler.start()
            await taken(stage, "rowan", 1)
            assert book.line() == SLOW and desk.told["rowan"].state.own == LineLimits(4000)
            await desk.order(stage.ann, "rowan", sites(), None, "the school has its own line now")
            await taken(stage, "rowan", 2)
            assert book.line() == LineLimits(4000)
            old = sign_configuration(Configuration(1, "rowan", 1, 5, SLOW), stage.hub.key)
            with pytest.raises(Refused, match="older"):
                await stage.hub.link.of("rowan").ask(old, ConfigurationState)
            for wrong, site, line, reason in (
                (Conflict, "rowan", None, "nothing is different"),
                (NotFound, "elm", SLOW, "no such site"),
                (BadInput, "rowan", LineLimits(3), "too little"),
                (BadInput, "rowan", SLOW, ""),
            ):
                with pytest.raises(wrong):
                    await desk.order(stage.ann, site, sites(), line, reason)
        finally:
            await box.dialler.stop()
            index.close()
        entries = [entry for entry in reversed(stage.hub.audit.entries(limit=50)) if entry.kind.startswith("site.conf")]
        assert [(entry.kind, entry.actor, entry.facts["version"]) for entry in entries] == [
            ("site.configured", stage.ann.user.id, 1),
            ("site.configuration_taken", "site:rowan", 1),
            ("site.configured", stage.ann.user.id, 2),
            ("site.configuration_taken", "site:rowan", 2),
        ]
        assert entries[0].facts["changes"][0] == {
            "what": "Limit",
            "before": "as the box's own settings say",
            "after": "2,000 kbit/s",
        }


async def test_what_a_site_does_not_take_is_logged_once_and_the_next_is_above_what_it_has(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        desk = stage.hub.fleet.configuration
        box = stage.box("rowan", "gate")
        await stage.let_in(box)
        book, index = keeping(stage, box)
        key = stage.folder / "rowan" / "hub.pub"
        try:
            right, link = key.read_bytes(), stage.hub.link.of("rowan")
            await desk.order(stage.ann, "rowan", stage.hub.fleet.desk.sites(), SLOW, "a shared line")
            key.write_bytes(bytes(32))  # as if the box had another hub's key
            box.dialler.start()
            async with asyncio.timeout(120):
                await box.connected(stage.hub)
                for _ in range(2):
                    assert "not signed" in (await desk.bring("rowan", link)).fault
            key.write_bytes(right)
            book.take(
                sign_configuration(Configuration(1, "rowan", 9, 5, None), stage.hub.key)
            )  # before a backup was restored
            assert (await desk.bring("rowan", link)).state.version == 9
            await desk.order(stage.ann, "rowan", stage.hub.fleet.desk.sites(), LineLimits(3000), "again")
            assert (await taken(stage, "rowan", 10)).document.line == book.line() == LineLimits(3000)
        finally:
            await box.dialler.stop()
            index.close()
        refused = [entry.facts["reason"] for entry in stage.hub.audit.entries(limit=50) if entry.kind == NOT_TAKEN]
        assert ["not signed" in each for each in refused].count(True) == 1


async def test_a_site_that_goes_by_other_words_of_the_same_version_is_not_said_to_have_taken_it(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        desk = stage.hub.fleet.configuration
        box = stage.box("rowan", "gate")
        await stage.let_in(box)
        book, index = keeping(stage, box)
        try:
            lost = Configuration(
                1, "rowan", 1, 5, LineLimits(9000)
            )  # ordered after the backup from which this hub comes
            book.take(sign_configuration(lost, stage.hub.key))
            await desk.order(stage.ann, "rowan", stage.hub.fleet.desk.sites(), SLOW, "while the site is away")
            box.dialler.start()
            async with asyncio.timeout(120):
                await box.connected(stage.hub)
                told = await desk.bring("rowan", stage.hub.link.of("rowan"))
            newest = desk.newest("rowan")
            assert newest is not None and newest.document.version == 1 and newest.taken_us is None
            assert book.line() == LineLimits(9000) and "version 1" in told.fault
            await desk.order(stage.ann, "rowan", stage.hub.fleet.desk.sites(), LineLimits(3000), "anew")
            assert (await taken(stage, "rowan", 2)).document.line == book.line() == LineLimits(3000)
        finally:
            await box.dialler.stop()
            index.close()


def test_a_difference_is_said_in_words() -> None:
    assert difference(None, LineLimits()) == [
        ("Limit", "as the box's own settings say", "no limit"),
        ("Other hours", "as the box's own settings say", "none"),
    ]
    assert difference(LineLimits(2000), SLOW) == [("Other hours", "none", "22:00 to 06:00 UTC: 8,000 kbit/s")]
    assert difference(SLOW, SLOW) == []
