"""The fleet, put together: who may call, who is on the line, what runs for each, and the listener that they reach."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog
import uvicorn
from starlette.types import ASGIApp

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import LinkFault, SiteAway
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.custody.desk import CustodyDesk
from belvedere.hub.fleet.aging import RecordAging
from belvedere.hub.fleet.calls import Line, Switchboard
from belvedere.hub.fleet.configuration import ConfigurationDesk
from belvedere.hub.fleet.desk import FleetDesk
from belvedere.hub.fleet.door import LinkDoor
from belvedere.hub.fleet.health import FleetHealth
from belvedere.hub.fleet.places import Places
from belvedere.hub.fleet.records import RecordBook
from belvedere.hub.fleet.routing import FleetLink
from belvedere.hub.health.desk import HealthDesk
from belvedere.hub.health.tickets import TicketBook
from belvedere.hub.register.cameras import CameraRegister
from belvedere.hub.register.state import SiteState
from belvedere.hub.rollouts.desk import RolloutDesk
from belvedere.link.client import SiteLink
from belvedere.link.control import Hello
from belvedere.link.messages import Reply, Request, SiteStatus

log = structlog.get_logger()
TWICE = "site.twice"
_Reply = TypeVar("_Reply", bound=Reply)


class _LinkServer(uvicorn.Server):
    """Leaves the signals to the server of the control room, which shares the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Fleet:
    """For the hub's event loop."""

    def __init__(
        self,
        desk: FleetDesk,
        link: FleetLink,
        register: CameraRegister,
        audit: AuditLog,
        clock: Clock,
        *,
        own: SiteState | None,
        own_id: str,
        hub: str,
        custody: Callable[[str], CustodyDesk],
        works: Callable[[str, SiteLink], list[Coroutine[Any, Any, None]]],
        watch: Callable[[str, SiteLink], HealthDesk],
        own_health: HealthDesk | None,
        tickets: TicketBook,
        records: RecordBook,
        aging: RecordAging,
        own_custody: CustodyDesk,
        configuration: ConfigurationDesk,
        rollouts: RolloutDesk,
        switchboard: Switchboard | None = None,
        duties: bool = True,
    ) -> None:
        """`own`: the state of this machine's site, None where there is none.

        `switchboard`: that of all processes of the hub, which outlives this fleet; `duties`: see `Places`.
        """
        self.desk = desk
        self.link = link
        self.own_id = own_id
        self.records = records
        self.aging = aging
        self.configuration = configuration
        self.rollouts = rollouts
        self._own = own
        self._own_custody = own_custody
        self._audit = audit
        self.switchboard = switchboard or Switchboard(clock)
        if switchboard is None or not duties:  # one context of a process tells, and that one stays
            self.switchboard.on_duplicate = self._twice
        self.switchboard.on_up.append(configuration.look_soon)
        self.door = LinkDoor(desk, self.switchboard, records, clock, hub)
        self.door.pieces = rollouts.piece
        rollouts.switchboard = self.switchboard
        self._drives = duties
        self.places = Places(
            link,
            self.switchboard,
            register,
            custody,
            works,
            watch,
            duties=duties,
            hangs_up=switchboard is None,
        )
        self.health = FleetHealth(own_health, lambda: [each.health for each in self.places.open.values()], tickets)
        desk.on_let_in = self.places.let_in
        desk.on_revoked = self._revoked
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: _LinkServer | None = None
        self._ages: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read who is let in, and begin to work with them."""
        await self.desk.load()
        for site in sorted(self.desk.sites()):
            self.places.let_in(site)
        if self._drives:
            self.rollouts.begin()
            self._ages = asyncio.create_task(self.aging.run(), name="records' age")

    async def listen(self, listener: socket.socket, app: ASGIApp | None = None) -> None:
        """Let sites call on this socket until `close`. `app` stands before the door, where there is one."""
        tls = await asyncio.to_thread(self.desk.authority.server_context)
        self._server = _LinkServer(self.door.config(tls, app))
        task = asyncio.create_task(self._server.serve(sockets=[listener]), name="link listener")
        self._tasks.add(task)

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._ages is not None:
            self._ages.cancel()
            await asyncio.gather(self._ages, return_exceptions=True)
        await self.rollouts.stop_driving()
        if self.configuration.look_soon in self.switchboard.on_up:
            self.switchboard.on_up.remove(self.configuration.look_soon)
        await self.places.close()
        if self._server is not None:
            self._server.should_exit = True
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def statuses(self) -> dict[str, SiteStatus | None]:
        """What each site said of itself last, some seconds ago at most; None for one that is away. Waits for no line."""
        found = {} if self._own is None else {self.own_id: await self._own.status()}
        here = {site: self.switchboard.line(site) is not None for site in self.places.open}
        return found | {site: place.status if here[site] else None for site, place in self.places.open.items()}

    def full(self) -> dict[str, str]:
        """The words of the site on this machine while it answers only that its disk is full. Others have no line then."""
        return {} if self._own is None or not self._own.full else {self.own_id: self._own.full}

    def asked(self) -> list[str]:
        """The sites that belong to this hub, its own first."""
        return [*([self.own_id] if self._own is not None else []), *self.places.open]

    def to(self, site: str) -> SiteLink:
        """The link to one site. Raises SiteAway for one that was shut out."""
        return self.link.of(site)

    async def everywhere(self, request: Request, kind: type[_Reply]) -> list[_Reply]:
        """What each site that answers says to the same question. Raises SiteAway when none does."""
        asked = (self.link.of(site).ask(request, kind) for site in self.asked())
        found: list[_Reply] = []
        fault: LinkFault | None = None
        for told in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(told, LinkFault):
                fault = told
            elif isinstance(told, BaseException):
                raise told
            else:
                found.append(told)
        if not found:
            raise fault or SiteAway("No site is connected.", advice="Look at the page Sites.")
        return found

    async def release(self, wire: bytes, action: str, camera: str, stream: str, segment: int) -> None:
        """Have a camera's own site get the key of a segment's day; the log names that site. Raises as `CustodyDesk.release`."""
        site = self.link.site_of(camera)
        place = self.places.open.get(site)
        desk = place.custody if place is not None else self._own_custody
        await desk.release(self.link.of(site), wire, action, camera, stream, segment)

    async def reload(self) -> None:
        """Another process let sites in or shut them out: as the database has it."""
        await self.desk.load()
        let_in = self.desk.sites()
        for site in let_in - self.places.open.keys():
            self.places.let_in(site)
        for site in self.places.open.keys() - let_in:
            await self.places.shut_out(site, "This site was shut out of the hub.")

    def _revoked(self, site: str) -> None:
        task = asyncio.create_task(self.places.shut_out(site, "This site was shut out of the hub."))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _twice(self, line: Line, hello: Hello, address: str) -> None:
        facts = {"site": line.site, "first": line.address, "second": address, "certificate": line.digest}
        await self._audit.append(TWICE, "hub", facts)
