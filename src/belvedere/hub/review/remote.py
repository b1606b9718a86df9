"""Who looks from outside the control room gets pictures with their name burned in: a page's overlay can be taken off."""

import ipaddress
from functools import lru_cache

from starlette.requests import HTTPConnection

from belvedere.foundation.clock import iso
from belvedere.foundation.errors import BadInput, Refused
from belvedere.hub.access.users import User
from belvedere.hub.context import HubContext
from belvedere.link.messages import Mark

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=8)
def networks_of(words: tuple[str, ...]) -> tuple[_Network, ...]:
    """Networks as `[hub] control_room_networks` names them. Raises BadInput."""
    try:
        return tuple(ipaddress.ip_network(word) for word in words)
    except ValueError as error:
        raise BadInput(
            f"[hub] control_room_networks: {error}.", advice="Write networks such as 10.20.0.0/16, one for each room."
        ) from error


def is_remote(addresses: list[str], networks: tuple[_Network, ...]) -> bool:
    """Whether any of the addresses that a request came by is outside the networks. What can't be read is."""
    for text in addresses:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return True
        mapped = getattr(address, "ipv4_mapped", None) or address
        if not any(mapped.version == network.version and mapped in network for network in networks):
            return True
    return not addresses


def addresses_of(connection: HTTPConnection) -> list[str]:
    """The peer's address and, behind a proxy, the one that the proxy heard. More headers make nobody less remote."""
    peer = connection.client.host if connection.client else ""
    forwarded = connection.headers.get("x-forwarded-for", "")
    return [peer, *([forwarded.rsplit(",", 1)[-1].strip()] if forwarded else [])]


def remote_mark(hub: HubContext, connection: HTTPConnection, user: User, grant: str, *, seen: bool = False) -> Mark:
    """What is burned into this viewer's pictures; () inside the control room. `seen`: the pictures' own time is not now."""
    networks = networks_of(tuple(hub.settings.hub.control_room_networks))
    if not is_remote(addresses_of(connection), networks):
        return ()
    access = f"access {grant[-8:].upper()}"
    now = iso(hub.clock.now_us())[:16].replace("T", " ")
    return f"{user.display[:48]} {user.id[-8:].upper()}", f"{access} seen {now} UTC" if seen else access


def require_here(hub: HubContext, connection: HTTPConnection, user: User, grant: str) -> None:
    """Return where footage may leave as it was recorded. Raises Refused for somebody outside the control room."""
    if remote_mark(hub, connection, user, grant):
        raise Refused(
            "Outside the control room pictures carry your name; footage as it was recorded stays there.",
            advice="Load the page again, or export the footage from the control room.",
        )
