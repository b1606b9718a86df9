"""What hub and site say on the one connection that a site keeps open to its hub (version 1).

The site dials; the hub commands. The list is closed: the hub can greet, ask for a connection, and say goodbye, nothing else.
What is asked on a connection so dialled is `link.messages`, answered by the site under its own rules.
"""

import msgspec

from belvedere.foundation.errors import LinkFault
from belvedere.link.messages import VERSION

LONGEST_WORD = 64 << 10
BEAT_S = 15.0


class FromSite(msgspec.Struct, frozen=True, tag_field="kind"):
    """Base of what a site says."""


class Hello(FromSite, frozen=True, tag="hello"):
    """First word. `run`: random, new with each start of the site's process, so that two machines with one identity show."""

    site: str
    name: str
    run: bytes
    software: str
    now_us: int
    version: int = VERSION


class Beat(FromSite, frozen=True, tag="beat"):
    """Every BEAT_S: the site's clock, and how many records wait there (`waiting`), up to which number (`last`).

    `oldest_us`: when the oldest of them was made, by the site's clock; 0: none waits. `round_trip_us`: to the hub and back on
    this connection, 0 until it was measured.
    """

    now_us: int
    waiting: int = 0
    last: int = 0
    oldest_us: int = 0
    round_trip_us: int = 0


class FromHub(msgspec.Struct, frozen=True, tag_field="kind"):
    """Base of what a hub says."""


class Welcome(FromHub, frozen=True, tag="welcome"):
    """Answers Hello. `received`: the site's records up to this number are safe at the hub."""

    hub: str
    now_us: int
    received: int = 0
    version: int = VERSION


class Dial(FromHub, frozen=True, tag="dial"):
    """Open one connection with this ticket (32 hex digits, good once), and answer what is asked there."""

    ticket: str


class Farewell(FromHub, frozen=True, tag="farewell"):
    """Goodbye. `code`: revoked, duplicate, version, closing."""

    code: str
    message: str


_encoder = msgspec.msgpack.Encoder()
_site_words: msgspec.msgpack.Decoder[Hello | Beat] = msgspec.msgpack.Decoder(Hello | Beat)
_hub_words: msgspec.msgpack.Decoder[Welcome | Dial | Farewell] = msgspec.msgpack.Decoder(Welcome | Dial | Farewell)


def say(word: FromSite | FromHub) -> bytes:
    """A word as bytes."""
    return _encoder.encode(word)


def heard_from_site(data: bytes) -> Hello | Beat:
    """What a site said. Raises LinkFault for anything else."""
    try:
        return _site_words.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LinkFault(f"The site's word makes no sense: {error}.", advice="Update the older of the two.") from error


def heard_from_hub(data: bytes) -> Welcome | Dial | Farewell:
    """What the hub said. Raises LinkFault for anything else."""
    try:
        return _hub_words.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LinkFault(f"The hub's word makes no sense: {error}.", advice="Update the older of the two.") from error
