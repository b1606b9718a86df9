"""Break-glass: one key pair whose private half exists only in the hands of three, any two of whom can put it together.

Three share keys (X25519), one a holder, each under the holder's passphrase (argon2id, AES-256-GCM). For each pair of holders
the break-glass private key is sealed twice in turn, for one and then for the other. These three boxes and all public keys
are the *escrow*: no secret, printed on every sheet. No single person can open footage; any one share may be lost.
"""

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from belvedere.foundation.clock import iso
from belvedere.foundation.errors import BadInput, SealBroken
from belvedere.hub.custody.sheets import block, find_block
from belvedere.media.keybox import new_private_key, open_box, public_key_of, recipient_name, shut

HOLDERS = 3
SHORTEST_PASSPHRASE = 12
_SHARE, _ESCROW = "BELVEDERE SHARE", "BELVEDERE ESCROW"
_MOST_MEMORY_KIB = 1 << 20  # a hostile sheet may not ask for more than 1 GiB
_WORDS = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class Stretch:
    """How hard a passphrase is to try (RFC 9106, argon2id)."""

    memory_kib: int = 256 << 10
    rounds: int = 3
    lanes: int = 4


USUAL = Stretch()


class Escrow(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """`boxes[k]`: the private key sealed for the k-th of the pairs (0,1), (0,2), (1,2), first of the first."""

    format: int
    made_us: int
    public_key: bytes
    holders: tuple[str, ...]
    share_keys: tuple[bytes, ...]
    boxes: tuple[bytes, ...]

    @property
    def name(self) -> str:
        return recipient_name(self.public_key)


class _Share(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    format: int
    number: int
    memory_kib: int
    rounds: int
    lanes: int
    salt: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class OpenShare:
    """A share whose passphrase was right. `number`: which holder, from 0."""

    number: int
    private_key: bytes


def _pair_info(public_key: bytes, pair: tuple[int, int], step: int) -> bytes:
    return b"belvedere escrow 1\n" + public_key + bytes([*pair, step])


def make_escrow(holders: Sequence[str], made_us: int) -> tuple[Escrow, list[bytes]]:
    """A fresh break-glass key in escrow, and the holders' private share keys. The private break-glass key is not kept.

    Raises BadInput unless there are three different holders. What was made is opened again by each pair before it is returned.
    """
    names = [" ".join(holder.split()) for holder in holders]
    if len({name.casefold() for name in names}) != HOLDERS or not all(0 < len(name) <= 60 for name in names):
        raise BadInput(
            "A ceremony needs two named officers and a name for the sealed third share, all different.",
            advice="Give two --officer and, if you like, --third.",
        )
    private = new_private_key()
    shares = [new_private_key() for _ in names]
    publics = [public_key_of(share) for share in shares]
    root = public_key_of(private)
    boxes = []
    for pair in combinations(range(HOLDERS), 2):
        inner = shut(private, publics[pair[0]], _pair_info(root, pair, 0))
        boxes.append(shut(inner, publics[pair[1]], _pair_info(root, pair, 1)))
    escrow = Escrow(1, made_us, root, tuple(names), tuple(publics), tuple(boxes))
    for first, second in combinations(range(HOLDERS), 2):
        if recover(escrow, OpenShare(first, shares[first]), OpenShare(second, shares[second])) != private:
            raise SealBroken("The escrow does not open.", advice="Report this fault; nothing was changed.")
    return escrow, shares


def recover(escrow: Escrow, one: OpenShare, other: OpenShare) -> bytes:
    """The break-glass private key from two shares. Raises BadInput: one share twice, or of another ceremony; SealBroken."""
    first, second = sorted((one, other), key=lambda share: share.number)
    if first.number == second.number:
        raise BadInput("These are two copies of one share.", advice="Bring the share of another holder.")
    for share in (first, second):
        if public_key_of(share.private_key) != escrow.share_keys[share.number]:
            raise BadInput(
                f"The share of {escrow.holders[share.number]} is of another ceremony.",
                advice="Bring the sheets with the same key fingerprint.",
            )
    pair = (first.number, second.number)
    box = escrow.boxes[list(combinations(range(HOLDERS), 2)).index(pair)]
    inner = open_box(box, second.private_key, _pair_info(escrow.public_key, pair, 1))
    private = open_box(inner, first.private_key, _pair_info(escrow.public_key, pair, 0))
    if public_key_of(private) != escrow.public_key:
        raise SealBroken("The shares give another key than the escrow names.", advice="Bring another sheet.")
    return private


# Sheets.


def _stretched(passphrase: str, salt: bytes, stretch: Stretch) -> AESGCM:
    words = unicodedata.normalize("NFKC", passphrase).encode()
    derived = Argon2id(
        salt=salt, length=32, iterations=stretch.rounds, lanes=stretch.lanes, memory_cost=stretch.memory_kib
    ).derive(words)
    return AESGCM(derived)


def make_sheet(escrow: Escrow, number: int, private_key: bytes, passphrase: str, stretch: Stretch | None = None) -> str:
    """The recovery sheet of one holder, to be printed. Raises BadInput for a short passphrase."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise BadInput("The passphrase is too short.", advice=f"Use {SHORTEST_PASSPHRASE} characters or more.")
    stretch = stretch or USUAL
    salt = os.urandom(16)
    # The derived key seals one message only: the salt is fresh.
    sealed = _stretched(passphrase, salt, stretch).encrypt(bytes(12), private_key, escrow.public_key)
    share = msgspec.msgpack.encode(_Share(1, number, stretch.memory_kib, stretch.rounds, stretch.lanes, salt, sealed))
    fingerprint = " ".join(re.findall("....", escrow.name))
    share_print = " ".join(re.findall("....", recipient_name(escrow.share_keys[number])))
    return f"""BELVEDERE RECOVERY SHEET

Share {number + 1} of {HOLDERS}: {escrow.holders[number]}
Made: {iso(escrow.made_us)}
Break-glass key: {fingerprint}
This share: {share_print}
Holders: {", ".join(escrow.holders)}

Any two of the three shares, each with its passphrase, open footage that the hub can no longer open. One alone opens nothing.
Keep this sheet apart from its passphrase and from the other sheets. Recovery: belvedere keys recover. Test each year: belvedere
keys drill. In each line: number, groups of four, check group; no letter o, i or l.

{block(_SHARE, share)}

The same on all three sheets, not secret:
{block(_ESCROW, msgspec.msgpack.encode(escrow))}
"""


def qr_text(sheet: str) -> str:
    """What a QR code of the share holds: the sheet's share lines alone, upper case, which codes pack tighter."""
    lines = sheet.split(f"--- BEGIN {_SHARE} ---\n")[1].split("\n---")[0].split("\n")
    return "BELVEDERE/SHARE/1/" + "/".join("".join(line.split()) for line in lines).upper()


def read_escrow(sheet: str) -> Escrow:
    """The escrow that is printed on a sheet. Raises BadInput."""
    data = find_block(sheet, _ESCROW)
    if data is None:
        raise BadInput("This is no recovery sheet of Belvedere.", advice="Give a file that the ceremony wrote.")
    return decode_escrow(data)


def encode_escrow(escrow: Escrow) -> bytes:
    return msgspec.msgpack.encode(escrow)


def decode_escrow(data: bytes) -> Escrow:
    """Raises BadInput."""
    try:
        escrow = msgspec.msgpack.decode(data, type=Escrow)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput("The escrow can't be read.", advice="Take it from another sheet.") from error
    if escrow.format != 1 or not (len(escrow.holders) == len(escrow.share_keys) == len(escrow.boxes) == HOLDERS):
        raise BadInput("This escrow is of a form that this version does not know.", advice="Use a newer Belvedere.")
    return escrow


def open_share(sheet: str, passphrase: str) -> OpenShare:
    """The share on a sheet. Raises BadInput: a mistyped line is named; a wrong passphrase is said."""
    data = find_block(sheet, _SHARE)
    escrow = read_escrow(sheet)
    try:
        share = msgspec.msgpack.decode(data or b"", type=_Share)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput("This sheet holds no share.", advice="Give a file that the ceremony wrote.") from error
    if share.format != 1 or not 0 <= share.number < HOLDERS:
        raise BadInput("This share is of a form that this version does not know.", advice="Use a newer Belvedere.")
    sane = 8 <= share.memory_kib <= _MOST_MEMORY_KIB and 0 < share.rounds <= 64 and 0 < share.lanes <= 64
    if not sane or share.memory_kib < 8 * share.lanes or len(share.salt) != 16:
        raise BadInput("This sheet asks for an impossible effort.", advice="Bring the sheet that was printed.")
    stretch = Stretch(share.memory_kib, share.rounds, share.lanes)
    try:
        private = _stretched(passphrase, share.salt, stretch).decrypt(bytes(12), share.sealed, escrow.public_key)
    except InvalidTag as error:
        raise BadInput(
            f"The passphrase of {escrow.holders[share.number]}'s share is wrong.", advice="Try again."
        ) from error
    return OpenShare(share.number, private)


def random_passphrase() -> str:
    """Thirty-two letters and digits, 160 bits, for the sealed third share."""
    text = "".join(_WORDS[byte & 31] for byte in os.urandom(32))
    return "-".join(re.findall("....", text))
