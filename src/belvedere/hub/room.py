"""Rooms: the routes of one part of the hub, built once for a process, each behind its door."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, Depends

from belvedere.hub.access.doors import enforce

_Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


class Room(APIRouter):
    """A router whose routes are behind `enforce` from the moment they are declared.

    FastAPI builds a router's routes anew wherever the router is included: 2 ms of CPU a route and application. Those of a room
    are final, so an application takes them as they are (`app.create_app`), as does a room that another one is added to.
    """

    def __init__(
        self, tag: str | None = None, *, lifespan: _Lifespan | None = None, include_in_schema: bool = True
    ) -> None:
        """`tag` groups the routes in the description of the interface. `lifespan` is open while the hub is."""
        super().__init__(
            tags=[tag] if tag else [],
            lifespan=lifespan,
            include_in_schema=include_in_schema,
            dependencies=[Depends(enforce)],
        )
        self.opened = lifespan

    def add(self, other: "Room") -> None:
        """Take the routes of `other`, which has no lifespan."""
        assert other.opened is None, "it would never be opened"
        self.routes.extend(other.routes)
