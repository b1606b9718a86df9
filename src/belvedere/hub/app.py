"""The hub's web application: assembles the rooms, and refuses to when a route does not say who may call it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

from belvedere import __version__
from belvedere.hub.access import routes as access
from belvedere.hub.access.doors import door_of, enforce, public
from belvedere.hub.alive import routes as alive
from belvedere.hub.analysis import routes as analysis
from belvedere.hub.approvals import routes as approvals
from belvedere.hub.audit import routes as audit
from belvedere.hub.cards import routes as cards
from belvedere.hub.cases import routes as cases
from belvedere.hub.context import HubContext
from belvedere.hub.custody import routes as custody
from belvedere.hub.devices import routes as devices
from belvedere.hub.dwell import routes as dwell
from belvedere.hub.errors import add_error_answers
from belvedere.hub.evidence import routes as evidence
from belvedere.hub.federation import routes as federation
from belvedere.hub.figures import router as figures_router
from belvedere.hub.fleet import routes as fleet
from belvedere.hub.health import routes as health
from belvedere.hub.masks import routes as masks
from belvedere.hub.pages import UI_FOLDER, Compression, SecurityHeaders, pages_router
from belvedere.hub.paging import routes as paging
from belvedere.hub.proposals import routes as proposals
from belvedere.hub.purposes import routes as purposes
from belvedere.hub.register import routes as register
from belvedere.hub.retention import routes as retention
from belvedere.hub.review import routes as review
from belvedere.hub.rollouts import routes as rollouts
from belvedere.hub.room import Room
from belvedere.hub.rules import routes as rules
from belvedere.hub.search import routes as search
from belvedere.hub.watchers import routes as watchers

ROOMS: tuple[Room, ...] = (
    access.router,
    register.router,
    fleet.router,
    rollouts.router,
    rules.router,
    cards.router,
    purposes.router,
    cases.router,
    health.router,
    paging.router,
    devices.router,
    review.router,
    search.router,
    analysis.router,
    masks.router,
    approvals.router,
    retention.router,
    federation.router,
    proposals.router,
    evidence.router,
    custody.router,
    audit.router,
    watchers.router,
    dwell.router,
    figures_router,
    alive.router,
)

OpenHub = Callable[[], AbstractAsyncContextManager[HubContext]]


def create_app(
    open_hub: OpenHub, *, ui: Path = UI_FOLDER, rooms: tuple[APIRouter, ...] = ROOMS, duties: bool = True
) -> FastAPI:
    """The application. `open_hub` opens its context when the server starts; it is `app.state.hub` from then on.

    `duties` False: another process of the hub has the desks that rooms open; this one is asked for what needs none of them.
    Raises RuntimeError naming every route that declares no door (see `access.doors`).
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_hub() as hub, AsyncExitStack() as opened:
            app.state.hub = hub
            for room in rooms:
                if duties and isinstance(room, Room) and room.opened is not None:
                    await opened.enter_async_context(room.opened(app))
            yield

    app = FastAPI(
        title="Belvedere",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    description = Room(include_in_schema=False)

    @description.get("/openapi.json")
    @public
    async def openapi() -> dict[str, Any]:
        return app.openapi()

    for room in (*rooms, description, pages_router(ui)):
        if isinstance(room, Room):
            app.router.routes.extend(room.routes)
        else:
            app.include_router(room, dependencies=[Depends(enforce)])
    wrong = [path for path, endpoint, enforced in routes_of(app) if door_of(endpoint) is None or not enforced]
    if wrong:
        raise RuntimeError(f"these routes do not say who may call them (access/doors.py): {', '.join(sorted(wrong))}")
    add_error_answers(app)
    app.add_middleware(Compression)
    app.add_middleware(SecurityHeaders)
    return app


def routes_of(app: FastAPI) -> Iterator[tuple[str, object, bool]]:
    """Path, function and whether its door is enforced, of every HTTP and WebSocket route."""
    for context in iter_route_contexts(app.routes):
        dependant = getattr(context, "dependant", None)
        calls = [each.call for each in dependant.dependencies] if dependant is not None else []
        ours = isinstance(context.original_route, APIRoute | APIWebSocketRoute)
        yield context.path or "", context.endpoint, ours and enforce in calls
