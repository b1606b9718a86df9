"""The sample of grants for review: five in a hundred, chosen by the log itself, so that nobody can steer the choice.

A day (UTC) is drawn once the log has its first entry after that day. Let `size` be the tree up to and with that entry, and
`root` its root. The grant at log index `i` is in the sample when the first eight bytes of
HMAC-SHA-256(root, "belvedere sample 1" || i as eight bytes), as a big-endian number, are below 2**64 / 20. The root depends on
the salt of an entry that did not exist when the grant was asked for. Whoever has the tiles can check it.
"""

import hashlib
import hmac
from collections.abc import Callable

from sqlalchemy import Connection, Engine, func, select

from belvedere.foundation.clock import DAY_US
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import audit_entry
from belvedere.tlog.merkle import HASH_BYTES, Frontier, full_root
from belvedere.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, TileName

ONE_IN = 20
_PREFIX = b"belvedere sample 1"
Tile = Callable[[TileName], bytes | None]


def is_drawn(root: bytes, index: int) -> bool:
    """Whether the grant that stands at log index `index` is in the sample of the tree with this root."""
    value = hmac.new(root, _PREFIX + index.to_bytes(8, "big"), hashlib.sha256).digest()
    return int.from_bytes(value[:8]) * ONE_IN < 1 << 64


def root_at(size: int, tile: Tile) -> bytes:
    """The root of the tree of the first `size` entries, from its tiles. Raises ValueError when a tile is missing."""

    def node(level: int, index: int) -> bytes:
        height, rest = divmod(level, TILE_HEIGHT)
        number, offset = divmod(index << rest, TILE_WIDTH)
        end = offset + (1 << rest)
        data = tile(TileName(height, number, end))
        if data is None:
            raise ValueError(f"the log has no node {level}/{index}")
        hashes = [data[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(offset, end)]
        return full_root(hashes)

    return Frontier(size, node).root()


def day_end_size(engine: Engine, day: int, size: int) -> int | None:
    """The size of the tree that draws `day`; None while the log has no later entry."""
    after = select(func.min(audit_entry.c.index)).where(
        audit_entry.c.time_us >= (day + 1) * DAY_US, audit_entry.c.index < size
    )
    with reading(engine) as connection:
        first = connection.scalar(after)
    return None if first is None else int(first) + 1


def grants_of(connection: Connection, day: int) -> list[tuple[int, str]]:
    """Log index and account of every grant issued on `day`."""
    query = (
        select(audit_entry.c.index, audit_entry.c.account_id)
        .where(
            audit_entry.c.kind == "grant.issued",
            audit_entry.c.time_us >= day * DAY_US,
            audit_entry.c.time_us < (day + 1) * DAY_US,
        )
        .order_by(audit_entry.c.index)
    )
    return [(index, person) for index, person in connection.execute(query)]
