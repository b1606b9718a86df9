"""Reaching the hub's context from a request, without importing the rooms that it holds."""

from typing import TYPE_CHECKING, cast

from starlette.requests import HTTPConnection

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext


def hub_of(connection: HTTPConnection) -> "HubContext":
    """The context of the hub that serves a request or WebSocket."""
    return cast("HubContext", connection.app.state.hub)
