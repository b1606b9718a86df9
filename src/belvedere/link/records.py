"""Records that a site sends to its hub by itself, over HTTPS: batches in order, sent again until the hub has committed them.

Within an epoch (an outbox from its first record on) each lane counts from 1 without a hole. The hub keeps what is new, passes
over what it has, and answers up to which number everything is safe; a hole is possible only when a site dropped what it could
not keep, and is then written down as one.
"""

import zlib

import msgspec

from belvedere.foundation.errors import LinkFault

ALERTS, METADATA, THUMBNAILS = 0, 1, 2
LANES = (ALERTS, METADATA, THUMBNAILS)
MOST_RECORDS = 500
MOST_BYTES = 1 << 20  # of a batch before compression
LONGEST_BODY = 64 << 10
_LONGEST_PLAIN = 4 << 20


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`body` is JSON, whose shape goes with `kind`. `time_us` by the site's clock."""

    kind: str
    time_us: int
    body: str


class Batch(msgspec.Struct, frozen=True):
    """Records `first`, `first + 1`, ... of a lane; none: only asking how far the hub is. `now_us`: the site's clock."""

    epoch: bytes
    lane: int
    first: int
    now_us: int
    records: tuple[Record, ...]


class Received(msgspec.Struct, frozen=True):
    """Everything of this epoch and lane below `next_seq` is committed at the hub."""

    next_seq: int


def pack(batch: Batch) -> bytes:
    """A batch as it travels: MessagePack, deflated (RFC 1950)."""
    return zlib.compress(msgspec.msgpack.encode(batch), 1)


def unpack(data: bytes) -> Batch:
    """What `pack` made. Raises LinkFault for anything else, however large it would become."""
    try:
        inflater = zlib.decompressobj()
        plain = inflater.decompress(data, _LONGEST_PLAIN)
        if inflater.unconsumed_tail or not inflater.eof:
            raise LinkFault("A batch of records is too long or cut short.", advice="Update the older of the two.")
        batch = msgspec.msgpack.decode(plain, type=Batch)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LinkFault(
            f"A batch of records makes no sense: {error}.", advice="Update the older of the two."
        ) from error
    sound = len(batch.epoch) == 16 and batch.lane in LANES and batch.first >= 1 and len(batch.records) <= MOST_RECORDS
    if not sound or any(len(each.body) > LONGEST_BODY for each in batch.records):
        raise LinkFault("A batch of records breaks the rules.", advice="Update the older of the two.")
    return batch
