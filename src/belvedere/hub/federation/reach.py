"""How routes reach the federation desk of the running application."""

from typing import cast

from starlette.requests import HTTPConnection

from belvedere.hub.federation.desk import FederationDesk


def federation_of(connection: HTTPConnection) -> FederationDesk:
    """The desk."""
    return cast(FederationDesk, connection.app.state.federation)
