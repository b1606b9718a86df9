"""The break-glass card over the link: the hub brings cards to a site, people open one there, the hub fetches what was done."""

import msgspec

from belvedere.foundation.errors import BadInput
from belvedere.link.custody import SignedWords
from belvedere.link.messages import Reply, Request

SITE_CARD = "site_card"  # role of a recipient of camera-day keys, and kind of the outbox's records
OPENED, FINISHED = "export.started", "export.ready"  # kinds of entries in a site's own log
LONGEST_REASON = 1000


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A card in force. `sealed_private`: see `media.card`; `sealed_grant`: the hub's signed grant, sealed for `public_key`."""

    id: str
    public_key: bytes
    sealed_private: bytes
    sealed_grant: bytes
    made_us: int
    expires_us: int


class CardList(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="cards"):
    """All cards in force at a site. An older list never replaces a newer one."""

    site: str
    issued_us: int
    cards: tuple[Card, ...]


class PutCards(Request, frozen=True, tag="put_cards"):
    """Keep these and no others; answered with `CardState`."""

    signed: SignedWords


class OpenCard(Request, frozen=True, tag="open_card"):
    """Two people open a card at the site; answered with `CardOpened`, once what they do is durable in the site's own log."""

    halves: tuple[bytes, bytes]
    names: tuple[str, str]
    reason: str
    cameras: tuple[str, ...]
    from_us: int
    to_us: int


class FinishCard(Request, frozen=True, tag="finish_card"):
    """The pack is written; answered with `Answer`. The token opens nothing any more."""

    token: bytes
    bytes: int
    sha256: str


class GetCardLog(Request, frozen=True, tag="get_card_log"):
    """Entries of the site's own log from `first` on; answered with `CardLog`."""

    first: int


class CardEntry(msgspec.Struct, frozen=True):
    """One entry, counted from 0: `record` is canonical JSON, `checkpoint` a note signed by the box, over all entries up to this."""

    number: int
    time_us: int
    salt: bytes
    record: bytes
    checkpoint: bytes


class CardState(Reply, frozen=True, tag="card_state"):
    """`used`: ids of cards that were opened here. `gone`: of the list, those that the hub took out of force before."""

    used: tuple[str, ...]
    gone: tuple[str, ...] = ()


class CardOpened(Reply, frozen=True, tag="card_opened"):
    """`token` stands for a grant at this site, until `expires_us`. `entry` with `path` proves the export in the site's log."""

    token: bytes
    export: str
    card: str
    title: str
    approver: str
    policy_version: str
    purpose: str
    purpose_text: str
    issued_us: int
    expires_us: int
    site: str
    entry: CardEntry
    path: tuple[bytes, ...]


class CardLog(Reply, frozen=True, tag="card_log"):
    box: str
    entries: tuple[CardEntry, ...]


REQUESTS = (PutCards, OpenCard, FinishCard, GetCardLog)
REPLIES = (CardState, CardOpened, CardLog)


def read_cards(words: bytes) -> CardList:
    """Raises BadInput."""
    try:
        return msgspec.msgpack.decode(words, type=CardList)
    except msgspec.MsgspecError as error:
        raise BadInput(
            f"The hub's words about cards make no sense: {error}.", advice="Run the same version on hub and site."
        ) from error


def read_record(body: str) -> CardEntry:
    """An entry as the outbox sends it. Raises msgspec.MsgspecError, ValueError."""
    told = msgspec.json.decode(body, type=_Told)
    return CardEntry(
        told.number, told.time_us, bytes.fromhex(told.salt), told.record.encode(), told.checkpoint.encode()
    )


class _Told(msgspec.Struct, frozen=True):
    number: int
    time_us: int
    salt: str
    record: str
    checkpoint: str
