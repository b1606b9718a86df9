"""Two real hubs of two councils in one process, each with its own folder, clock and people, over loopback TLS."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from fastapi import FastAPI

from belvedere.foundation.clock import HOUR_US, MINUTE_US, SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.access.users import User
from belvedere.hub.app import create_app
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.federation.desk import FederationDesk
from belvedere.hub.federation.dossier import QuestionRow, RequestRow
from belvedere.hub.federation.policy import PartnerPolicy
from belvedere.hub.federation.signing import read_document
from belvedere.hub.federation.words import Circle, Question
from belvedere.hub.retention.store import HoldRow, RetentionStore
from belvedere.link.client import SiteLink
from belvedere.link.messages import CameraTimeline, GetTimeline, Reply, Request, Run, Timeline
from hub_stage import FAST, ToldSite, gate, lay_out, status_of

_Found = TypeVar("_Found")
OPEN = PartnerPolicy(answers=True, reasons=("crime", "missing_person"), bases=("dpa2018_part3",))


@dataclass
class ShiftedClock(SystemClock):
    """The system's clock, set wrong. Times within one test stay in order."""

    off_us: int = 0

    def now_us(self) -> int:
        return super().now_us() + self.off_us


@dataclass
class Council:
    """One hub: its camera `gate` has recorded the last hour, unless `recorded` says otherwise."""

    app: FastAPI
    hub: HubContext
    clock: ShiftedClock
    site: ToldSite
    user: User
    recorded: list[tuple[int, int]] = field(default_factory=list)

    @property
    def desk(self) -> FederationDesk:
        return cast(FederationDesk, self.app.state.federation)

    def timeline(self, request: Request) -> Reply | None:
        if not isinstance(request, GetTimeline):
            return None
        runs = tuple(Run(start, end, "ended", False, 0) for start, end in self.recorded)
        return Timeline(tuple(CameraTimeline(each, runs) for each in request.cameras))

    def holds(self) -> list[HoldRow]:
        return RetentionStore(self.hub.engine).holds(live=True)

    def facts(self, kind: str) -> list[dict[str, Any]]:
        """Of the log's entries of one kind, oldest first."""
        return [dict(each.facts) for each in reversed(self.hub.audit.entries(limit=1000)) if each.kind == kind]

    async def add(self, other: "Council") -> None:
        """As two people do, who compared the fingerprint."""
        data = other.desk.document()
        await self.desk.add(data, read_document(data)[1], self.user.id, "account_second", {})

    async def lets(self, other: "Council", policy: PartnerPolicy = OPEN) -> None:
        await self.desk.set_policy(other.id, policy, self.user.id, "agreed in writing", {})

    @property
    def id(self) -> str:
        return self.desk.keys.hub

    def question(self, **changes: object) -> Question:
        """About the gate of both, in the last hour."""
        now_us = self.clock.now_us()
        words: dict[str, Any] = {
            "place": Circle(51.5, -0.1, 50.0),
            "from_us": now_us - 30 * MINUTE_US,
            "to_us": now_us - 20 * MINUTE_US,
            "reason": "crime",
            "basis": "dpa2018_part3",
            "reference": "CR/2026/0113",
        }
        return Question(**(words | changes))

    async def ask(self, other: "Council", **changes: object) -> QuestionRow:
        return await self.desk.ask(self.user, other.id, self.question(**changes))

    def asked(self, row: QuestionRow) -> QuestionRow:
        """A question as it stands now."""
        return self.desk.dossier.find(QuestionRow, row.partner_id, row.outgoing, row.id)

    async def answered(self, row: QuestionRow, *states: str) -> QuestionRow:
        """Once it was answered."""
        wanted = states or ("yes", "no", "refused")
        return await until(lambda: found if (found := self.asked(row)).state in wanted else None)

    async def request(self, row: RequestRow, state: str) -> RequestRow:
        """A formal request, once it is so far."""
        find = self.desk.dossier.find
        return await until(
            lambda: found if (found := find(RequestRow, row.partner_id, row.outgoing, row.id)).state == state else None
        )


async def until(look: Callable[[], _Found | None]) -> _Found:
    """What `look` finds, as soon as it does; a minute at most."""
    async with asyncio.timeout(60):
        while True:
            found = await asyncio.to_thread(look)
            if found is not None:
                return found
            await asyncio.sleep(0.02)


@asynccontextmanager
async def council(
    data: Path, name: str, *, off_us: int = 0, port: int = 0, ui: Path | None = None
) -> AsyncIterator[Council]:
    """A hub that federates."""
    data.mkdir(exist_ok=True)
    settings = load_settings(data)
    settings.hub.federation = f"127.0.0.1:{port}"
    settings.hub.controller, settings.hub.federation_contact = f"{name} Council", f"Information desk of {name}, 0100 1"
    lay_out(settings)
    clock, site = ShiftedClock(off_us=off_us), ToldSite()
    opened = lambda: open_hub(settings, clock=clock, link=SiteLink(site.connect), hasher=FAST)  # noqa: E731
    app = create_app(opened, ui=ui or data / "ui")
    async with app.router.lifespan_context(app):
        hub: HubContext = app.state.hub
        if hub.users.find("ivy") is None:
            await asyncio.to_thread(hub.users.create, "ivy", "investigator", "Ivy Investigator")
            hub.register.put_camera(gate())
        user = hub.users.by_name("ivy")
        await hub.accounts.note([user.id])
        now_us = clock.now_us()
        made = Council(app, hub, clock, site, user, [(now_us - HOUR_US, now_us)])
        site.status, site.answer = status_of(), made.timeline
        yield made


@asynccontextmanager
async def two_councils(data: Path, *, off_us: int = 0, partners: bool = True) -> AsyncIterator[tuple[Council, Council]]:
    """Ashby asks, Birch holds. `off_us`: how far Birch's clock is ahead. `partners`: they have added each other, Birch answers."""
    async with AsyncExitStack() as stack:
        ashby = await stack.enter_async_context(council(data / "ashby", "Ashby"))
        birch = await stack.enter_async_context(council(data / "birch", "Birch", off_us=off_us))
        if partners:
            await ashby.add(birch)
            await birch.add(ashby)
            await birch.lets(ashby)
        yield ashby, birch
