"""A site's configuration: signed by its hub, newest wins, in force without the hub, anew for another hub."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BadInput, Refused
from belvedere.foundation.settings import SiteSettings
from belvedere.link.configuration import (
    Configuration,
    GetConfiguration,
    LineLimits,
    PutConfiguration,
    sign_configuration,
)
from belvedere.site.storage.index import Index
from belvedere.site.uplink.configuration import ConfigurationBook, limits_of

KEY = Ed25519PrivateKey.generate()
FAST, SLOW = LineLimits(8000), LineLimits(2000, 8000, (22 * 60, 6 * 60))


def document(version: int, line: LineLimits | None, *, site: str = "rowan", form: int = 1) -> PutConfiguration:
    return sign_configuration(Configuration(form, site, version, 5, line), KEY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hub.pub").write_bytes(KEY.public_key().public_bytes_raw())
    return tmp_path


def book(folder: Path, **settings: object) -> tuple[ConfigurationBook, Index]:
    clock = SimulatedClock()
    index = Index(folder / "index.db", clock)
    site = SiteSettings.model_validate({"id": "rowan", **settings})
    return ConfigurationBook(index, clock, site, folder / "hub.pub"), index


def test_settings_hold_until_the_hub_orders_and_again_when_it_says_so(folder: Path) -> None:
    mine, index = book(folder, line_kbit=4000, line_night="22:00-06:00", line_night_kbit=0)
    own = LineLimits(4000, 0, (1320, 360))
    try:
        assert mine.line() == own and mine.answers[GetConfiguration](GetConfiguration()) == mine.state()
        state = mine.take(document(1, SLOW))
        assert (state.version, state.line, state.own) == (1, SLOW, own) and mine.line() == SLOW
        assert mine.take(document(1, SLOW)).version == 1, "told twice"
        assert mine.take(document(2, None)).line == own
    finally:
        index.close()


def test_an_older_one_a_strange_one_and_one_for_another_site_are_refused(folder: Path) -> None:
    mine, index = book(folder)
    stranger = Ed25519PrivateKey.generate()
    try:
        mine.take(document(3, SLOW))
        for wrong in (
            document(2, FAST),
            document(3, FAST),
            document(4, FAST, site="elm"),
            document(4, FAST, form=2),
            sign_configuration(Configuration(1, "rowan", 4, 5, FAST), stranger),
            PutConfiguration(document(4, FAST).words, document(5, FAST).signature),
        ):
            with pytest.raises(Refused):
                mine.take(wrong)
        with pytest.raises(BadInput):
            mine.take(document(4, LineLimits(1)))
        assert mine.state().version == 3 and mine.line() == SLOW
    finally:
        index.close()


def test_it_holds_after_a_restart_without_the_hub_and_begins_anew_with_another_hub(folder: Path) -> None:
    mine, index = book(folder)
    mine.take(document(7, SLOW))
    index.close()
    mine, index = book(folder)
    assert mine.line() == SLOW and mine.state().version == 7
    index.close()
    other = Ed25519PrivateKey.generate()
    (folder / "hub.pub").write_bytes(other.public_key().public_bytes_raw())
    mine, index = book(folder)
    assert mine.line() == LineLimits() and mine.state().version == 0
    assert mine.take(sign_configuration(Configuration(1, "rowan", 1, 5, FAST), other)).line == FAST
    (folder / "hub.pub").unlink()
    with pytest.raises(Refused, match="no hub"):
        mine.take(document(8, SLOW))
    index.close()


def test_settings_that_would_cut_a_site_off_are_refused() -> None:
    assert limits_of(SiteSettings.model_validate({})) == LineLimits()
    with pytest.raises(BadInput):
        limits_of(SiteSettings.model_validate({"line_kbit": 8}))
    with pytest.raises(ValueError, match="line_night"):
        SiteSettings.model_validate({"line_night": "25:00-06:00"})
