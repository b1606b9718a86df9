"""Custody cut short at every step: whatever the moment, footage opens, and the next round finishes the work."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from belvedere.foundation.clock import DAY_US, SimulatedClock
from belvedere.foundation.errors import NotFound
from belvedere.hub.custody.ledger import Ledger
from belvedere.hub.custody.vault import Vault
from belvedere.link.client import SiteLink
from belvedere.link.custody import HUB
from belvedere.link.messages import Reply, Request
from belvedere.media.keybox import new_private_key, public_key_of
from belvedere.site.storage.keys import Keyring
from custody_stage import CAMERA, CustodyStage, custody_stage

STEPS = ("take_copies", "take_notes", "new_roots", "take_roots", "keep_anew", "drop_retired", "met")


class Cut(BaseException):
    """The process ends here."""


class Axe:
    """Cuts at the n-th call of any of the steps it was laid to, before or after the step is done."""

    def __init__(self, at: int, after: bool) -> None:
        self.left = at
        self.after = after
        self.hit = False

    def lay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in STEPS:
            self._lay(monkeypatch, Ledger, name)
        for name in ("renew", "_erase"):
            self._lay(monkeypatch, Vault, name)
        ask = SiteLink.ask

        async def cutting(link: SiteLink, request: Request, kind: type[Reply], *, reuse: bool = True) -> Reply:
            if self._now() and not self.after:
                raise Cut
            reply = await ask(link, request, kind, reuse=reuse)
            if self.hit:
                raise Cut
            return reply

        monkeypatch.setattr(SiteLink, "ask", cutting)

    def _lay(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        plain: Callable[..., object] = getattr(owner, name)

        def cutting(*given: object, **named: object) -> object:
            if self._now() and not self.after:
                raise Cut
            found = plain(*given, **named)
            if self.hit:
                raise Cut
            return found

        monkeypatch.setattr(owner, name, cutting)

    def _now(self) -> bool:
        self.left -= 1
        self.hit = self.hit or self.left == 0
        return self.hit


async def opens(stage: CustodyStage, start_us: int, data: bytes) -> bool:
    return await stage.review(await stage.grant(), start_us) == data


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_the_exchange_and_the_rotation_cut_at_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    clock = SimulatedClock()
    async with custody_stage(tmp_path, clock) as stage:
        stage.hub.custody.vault.put_break_glass(public_key_of(new_private_key()), "officers", {})
        await stage.exchange()
        start_us, parts = stage.site.film()
        data = b"".join(parts)
        stage.site.next_day()
        cuts = 0
        for at in range(1, 40):
            with monkeypatch.context() as patch:
                axe = Axe(at, after)
                axe.lay(patch)
                try:
                    if at % 3 == 0:
                        await asyncio.to_thread(stage.hub.custody.vault.renew)
                    await stage.hub.custody.exchange(stage.link)
                except Cut:
                    cuts += 1
            assert await opens(stage, start_us, data), f"cut at step {at}"
            if not axe.hit:
                break
        assert cuts > 6
        await stage.exchange()
        state = await stage.exchange()
        assert (state.local_days, state.waiting, state.other_copies) == (0, 0, 0)
        await asyncio.to_thread(stage.hub.custody.vault.sweep)
        hub = stage.hub.custody.vault.current(HUB)
        names = {path.stem for path in (stage.site.settings.hub_folder / "keys" / "wrapping").glob("*.key")}
        assert hub is not None and names == {hub.name}
        assert await opens(stage, start_us, data)


def test_a_site_killed_while_it_forgets_or_destroys(tmp_path: Path) -> None:
    """The transaction happened or it did not; what is left is finished by the next turn, and no key is half there."""
    from custody_stage import kept_site

    clock = SimulatedClock()
    for n, what in enumerate(("forget", "destroy")):
        folder = tmp_path / what
        with kept_site(folder, clock) as site:
            site.film()
            site.next_day()
            pair = (site.rig.ref().camera_id, clock.now_us() // DAY_US - 1)
            key = site.rig.keyring.get(*pair)
            kill = site.rig.index.forget
            site.rig.index.forget = _cut  # type: ignore[method-assign]
            with pytest.raises(Cut):
                getattr(site.rig.keyring, what)([pair])
            site.rig.index.forget = kill  # type: ignore[method-assign]
        with kept_site(folder, clock) as site:  # another start
            ring: Keyring = site.rig.keyring
            with pytest.raises(Exception, match=r"kept by the hub|destroyed"):
                ring.get(*pair)
            assert site.rig.index.forget()
            stored = b"".join(path.read_bytes() for path in (folder / "site").glob("index.db*"))
            assert key not in stored
        assert n in (0, 1)


def _cut() -> bool:
    raise Cut


def test_expired_keys_are_in_no_byte_of_the_database(tmp_path: Path) -> None:
    """A hundred camera-days, sealed and wrapped, forgotten and destroyed in any order: no copy of them is left."""
    from custody_stage import kept_site

    chance = random.Random(7)
    clock = SimulatedClock()
    with kept_site(tmp_path, clock) as site:
        ring, index = site.rig.keyring, site.rig.index
        camera_id = site.rig.ref().camera_id
        first = clock.now_us() // DAY_US
        for day in range(first, first + 100):
            ring.make(camera_id, day)
        clock.advance(200 * DAY_US)
        pairs = [(camera_id, day) for day in range(first, first + 100)]
        chance.shuffle(pairs)
        secrets = [bytes(row[0]) for row in index.read().execute("SELECT wrapped FROM day_key").fetchall()]
        assert len(ring.forget(pairs[:50])) == 50
        ring.destroy(pairs[25:])
        stored = b"".join(path.read_bytes() for path in (tmp_path / "site").glob("index.db*"))
        assert not [secret for secret in secrets if secret in stored]
        with pytest.raises(NotFound):
            ring.get(*pairs[-1])
        assert CAMERA
