"""A site remembers how far the hub's log reached, also across its own restarts."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import DAY_US, HOUR_US, SimulatedClock
from belvedere.foundation.errors import Refused
from belvedere.foundation.settings import load_settings
from belvedere.hub.access.grants import GrantAsk
from belvedere.hub.access.users import SignIn
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.register.cameras import Camera
from belvedere.policy.grant import Action
from belvedere.policy.signed import LogForked
from belvedere.site.serve import HubOpener


async def duty(hub: HubContext, name: str) -> bytes:
    hub.register.put_camera(Camera("gate", "main", "Gate"))
    user, _ = hub.users.create(name, "operator")
    _, session = hub.sessions.open(SignIn(user, by_code=True), "127.0.0.1")
    grant = await hub.grants.issue(session, GrantAsk("duty"))
    return (await hub.grants.use(user, grant.id, Action.LIVE, ["gate"])).wire


async def test_a_log_that_was_set_back_is_refused_after_a_restart_of_the_site(tmp_path: Path) -> None:
    clock = SimulatedClock()
    first = load_settings(tmp_path / "first")
    async with open_hub(first, clock=clock) as hub:
        wire = b""
        for name in ("ann", "bob", "cat"):
            wire = await duty(hub, name)
            clock.advance(1_000_000)
    opener = HubOpener(first.hub_public_key_file, clock)
    assert "gate" in opener.open(wire).cameras

    # The same key with an empty log: what somebody would do who wants history to begin again.
    second = load_settings(tmp_path / "second")
    second.hub_folder.mkdir(parents=True)
    shutil.copytree(first.hub_folder / "keys", second.hub_folder / "keys")
    clock.advance(HOUR_US)
    async with open_hub(second, clock=clock) as hub:
        shorter = await duty(hub, "ann")
    restarted = HubOpener(first.hub_public_key_file, clock)
    with pytest.raises(LogForked):
        restarted.open(shorter)


async def test_without_a_hub_nothing_opens(tmp_path: Path) -> None:
    opener = HubOpener(tmp_path / "hub.pub", SimulatedClock())
    with pytest.raises(Refused, match="belongs to no hub"):
        opener.open(b"{}")


async def test_a_mark_that_can_not_be_read_opens_nothing(tmp_path: Path) -> None:
    key_file = tmp_path / "hub.pub"
    key_file.write_bytes(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    (tmp_path / "hub.mark").write_text("not json")
    with pytest.raises(Refused, match="can't be read"):
        HubOpener(key_file, SimulatedClock(DAY_US)).open(b"{}")
