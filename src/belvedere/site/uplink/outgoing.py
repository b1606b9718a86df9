"""Everything by which a site reaches out to its hub: the line that it keeps, and the records that it sends."""

import asyncio
from collections.abc import Callable

from belvedere.foundation.clock import Clock
from belvedere.link.configuration import LineLimits
from belvedere.site.outbox.sender import HttpsPost, Sender
from belvedere.site.outbox.store import Outbox
from belvedere.site.storage.index import Index
from belvedere.site.uplink.budget import LineBudget
from belvedere.site.uplink.dialler import Dialler
from belvedere.site.uplink.papers import PaperFolder
from belvedere.site.uplink.server import Uplink


class Outgoing:
    """One a site, for its event loop. Idle, at the cost of a look each few seconds, while the site belongs to no hub."""

    def __init__(
        self,
        index: Index,
        papers: PaperFolder,
        uplink: Uplink,
        clock: Clock,
        *,
        site: str,
        name: str,
        limits: Callable[[], LineLimits] = LineLimits,
    ) -> None:
        self.outbox = Outbox(index, clock)
        self._papers = papers
        self._post = HttpsPost(papers.tls, papers.place)
        self.budget = LineBudget(clock, limits)
        self.sender = Sender(self.outbox, self._post, clock, self.budget)
        self.dialler = Dialler(papers, uplink, clock, site=site, name=name, backlog=self._backlog, budget=self.budget)
        self._sending: asyncio.Task[None] | None = None
        self._begun = False

    def start(self) -> None:
        """Begin."""
        self.dialler.start()
        self._sending = asyncio.create_task(self.sender.run(self._may), name="outbox")

    async def stop(self) -> None:
        """Hang up."""
        await self.dialler.stop()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        self._post.close()

    def _backlog(self) -> tuple[int, int, int]:
        standing = self.outbox.standing()
        return standing.waiting, standing.last, standing.oldest_us

    def _may(self) -> bool:
        """Whether the hub is on the line; the first time, the outbox begins."""
        if self.dialler.connected and not self._begun:
            self.outbox.begin(self._papers.hub_digest())
            self._begun = True
        return self.dialler.connected
