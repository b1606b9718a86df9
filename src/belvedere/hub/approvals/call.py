"""Telling whoever is on call that a request waits: a call of the council's own messaging, where the settings name one.

It is told that something waits, for which sort of purpose, and where to look: nothing of the case, the cameras or the reason.
"""

import asyncio

import structlog

_TIMEOUT_S = 10.0
_MOST = 100
_LOG = structlog.get_logger(__name__)


class OnCallHook:
    """POSTs JSON to `url`; empty: does nothing. For the event loop."""

    def __init__(self, url: str, origin: str) -> None:
        self.url = url
        self._origin = origin
        self._queue: asyncio.Queue[dict[str, object]] = asyncio.Queue(_MOST)
        self.sent = 0
        self.failed = 0
        self.dropped = 0

    def tell(self, request_id: str, purpose: str, on_call: list[str]) -> None:
        """Queue one message; the oldest waiting ones go first, and when too many wait this one is counted and dropped."""
        message: dict[str, object] = {
            "text": f"A request for access waits ({purpose}).",
            "request": request_id,
            "page": f"{self._origin or 'http://localhost'}/approvals/{request_id}",
            "on_call": on_call,
        }
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Send what is queued, for as long as the hub runs. What fails is not tried again: the page shows it anyway."""
        if not self.url:
            return
        import httpx  # here: most hubs have nobody to call, and it is 0.1 s of each start

        async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
            while True:
                message = await self._queue.get()
                try:
                    (await client.post(self.url, json=message)).raise_for_status()
                    self.sent += 1
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    self.failed += 1
                    _LOG.warning("on_call_not_told", request=message["request"], reason=repr(error))
