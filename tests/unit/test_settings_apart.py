"""Settings that a short child reads are the settings; what is wrong in them is said as ever."""

from pathlib import Path

import pytest

from belvedere.foundation.errors import BadSettings
from belvedere.foundation.settings import Settings, load_settings
from belvedere.foundation.settings_apart import load_apart


def test_what_is_read_apart_is_what_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "belvedere.toml").write_text('[site]\nid = "rowan"\nfootage = ["/srv/a", "/srv/b"]\nsync_ms = 500\n')
    monkeypatch.setenv("BELVEDERE_SITE__SEGMENT_SECONDS", "30")
    known, apart = load_settings(tmp_path), load_apart(tmp_path)
    assert (apart.site.id, apart.site.sync_ms, apart.site.segment_seconds) == ("rowan", 500, 30)
    for section in ("hub", "site", "paging"):
        held = getattr(known, section)
        assert {name: getattr(getattr(apart, section), name) for name in type(held).model_fields} == held.model_dump()
    made = [name for name, value in vars(Settings).items() if isinstance(value, property)]
    assert {"site_folder", "ingest_socket", "footage_folders", "hub_public_key_file"} <= set(made)
    assert [getattr(apart, name) for name in ("data", *made)] == [getattr(known, name) for name in ("data", *made)]
    assert apart.site.model_dump(mode="json") == known.site.model_dump(mode="json")


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    (tmp_path / "belvedere.toml").write_text("[site]\nsync_ms = 1\n")
    with pytest.raises(BadSettings, match=r"site\.sync_ms") as found:
        load_apart(tmp_path)
    with pytest.raises(BadSettings) as directly:
        load_settings(tmp_path)
    assert (found.value.message, found.value.advice) == (directly.value.message, directly.value.advice)
