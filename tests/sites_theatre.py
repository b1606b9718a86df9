"""A hub that lets sites call, on a thread of its own, for tests of the page Sites in a browser."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Page

from belvedere.foundation.clock import SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.app import create_app
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.pages import UI_FOLDER
from belvedere.link.client import SiteLink
from belvedere.site.uplink.papers import Place
from fleet_stage import Confirming, FleetStage, person
from hub_stage import FAST, ToldSite, served
from theatre_stage import HubThread
from web_stage import sign_in

_T = TypeVar("_T")


class Theatre(HubThread):
    """A hub that lets sites call, on a thread of its own; passkeys have tests of their own."""

    stage: FleetStage

    async def _serve(self, data: Path) -> None:
        settings = load_settings(data)
        settings.hub.password_after_code, settings.hub.link = False, "127.0.0.1:0"
        own = ToldSite()
        app = create_app(
            lambda: open_hub(settings, clock=SystemClock(), link=SiteLink(own.connect), hasher=FAST), ui=UI_FOLDER
        )
        with socket.create_server(("127.0.0.1", 0)) as listener:
            async with app.router.lifespan_context(app), served(app) as address:
                hub: HubContext = app.state.hub
                hub.fleet.desk._step_up = hub.fleet.configuration._step_up = Confirming()  # type: ignore[assignment]
                await hub.fleet.listen(listener)
                place = Place(*listener.getsockname()[:2])
                self.stage = FleetStage(hub, place, SystemClock(), data, person("ann"), person("ben"))
                self.url = f"http://{address}"
                await self._until_closed()
                for box in self.stage.boxes:
                    await box.close()

    def do(self, call: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        waiting: Future[_T] = asyncio.run_coroutine_threadsafe(call(), self._loop)
        return waiting.result(120)


def enter(page: Page, theatre: Theatre, name: str, role: str = "administrator") -> None:
    """Sign in and open the page."""
    users = theatre.stage.hub.users
    _, code = users.create(name, role, name.title()) if users.find(name) is None else users.renew_code(name)
    page.context.clear_cookies()
    page.goto(theatre.url + "/sites")
    sign_in(page, name, code)
    page.get_by_role("heading", name="Sites", exact=True).wait_for()
