"""Health of the whole fleet: the desk of this machine's site and those of all sites that are let in, as one."""

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from belvedere.foundation.errors import LinkFault
from belvedere.hub.health.desk import HealthDesk
from belvedere.hub.health.tickets import TicketBook
from belvedere.link.health import HealthReport, Uptime


class FleetHealth:
    """What pages ask. Sites that are away are missing from answers; when all are, there is none."""

    def __init__(self, own: HealthDesk | None, others: Callable[[], Iterable[HealthDesk]], tickets: TicketBook) -> None:
        """`own`: None where the hub's machine has no site."""
        self.tickets = tickets
        self._own = own
        self._others = others

    def desks(self) -> list[HealthDesk]:
        """One for each site."""
        return [*([self._own] if self._own is not None else []), *self._others()]

    async def report(self) -> HealthReport | None:
        """The last day of every site that answers, in one; None while nobody does."""
        told = await asyncio.gather(*(desk.report() for desk in self.desks()))
        reports = [report for report in told if report is not None]
        if len(reports) < 2:
            return reports[0] if reports else None
        return msgspec.structs.replace(
            reports[0],
            cameras=tuple(each for report in reports for each in report.cameras),
            disks=tuple(each for report in reports for each in report.disks),
            outages=tuple(each for report in reports for each in report.outages),
        )

    async def uptime(self, months: int) -> Uptime:
        """Months as the sites have them. Raises LinkFault when none answers."""
        found: list[Uptime] = []
        fault: LinkFault | None = None
        for told in await asyncio.gather(*(desk.uptime(months) for desk in self.desks()), return_exceptions=True):
            if isinstance(told, Uptime):
                found.append(told)
            elif isinstance(told, LinkFault):
                fault = told
            else:
                raise told
        if not found:
            raise fault or LinkFault("No site is connected.", advice="Look at the page Sites.")
        return msgspec.structs.replace(found[0], cameras=tuple(each for one in found for each in one.cameras))

    async def refresh(self) -> bool:
        """Bring tickets up to what the sites say. False when one did not answer."""
        return all(await asyncio.gather(*(desk.refresh() for desk in self.desks())))
