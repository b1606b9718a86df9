"""The hub's signing key on disk."""

from pathlib import Path

import pytest

from belvedere.foundation.errors import StorageFault
from belvedere.foundation.settings import load_settings
from belvedere.hub.access.keys import signing_key, signing_key_file


def test_it_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    first = signing_key(settings)
    path = signing_key_file(settings)
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o644)
    assert signing_key(settings).private_bytes_raw() == first.private_bytes_raw()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["hub.key"]


def test_the_site_gets_the_public_half_again_when_it_is_wrong(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    public = signing_key(settings).public_key().public_bytes_raw()
    assert settings.hub_public_key_file.read_bytes() == public
    settings.hub_public_key_file.write_bytes(b"another")
    signing_key(settings)
    assert settings.hub_public_key_file.read_bytes() == public


def test_a_damaged_key_stops_the_hub_in_words(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    signing_key(settings)
    signing_key_file(settings).write_bytes(b"short")
    with pytest.raises(StorageFault, match="damaged") as refused:
        signing_key(settings)
    assert "restore" in refused.value.advice


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    settings.hub_folder.write_text("in the way")
    with pytest.raises(StorageFault, match="can't be read or made"):
        signing_key(settings)
