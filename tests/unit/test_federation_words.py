"""What hubs say to each other stays readable: the bytes of version 1 are kept in a file, for us and for whoever writes another hub.

Ed25519 signs without chance: the same words give the same bytes. Renew the file by running this one with `tests` on the path.
"""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import BadInput, Refused
from belvedere.hub.federation.keys import FederationKeys
from belvedere.hub.federation.signing import (
    DELIVERY,
    DOCUMENT,
    LETTER,
    fingerprint,
    key_id,
    read_document,
    same_fingerprint,
    verify,
)
from belvedere.hub.federation.words import KINDS, Letter, Said, Signed, decode, encode
from federation_vectors import HUB, KEY, PUBLIC, made

VECTORS = Path(__file__).with_name("federation_vectors_1.json")
KEPT: dict[str, str] = json.loads(VECTORS.read_text("utf-8")) if VECTORS.exists() else {}
LETTERS = [name for name in KEPT if b'"said"' in decode(KEPT[name].encode(), Signed).words]


def test_every_kind_of_letter_has_a_vector() -> None:
    kinds = {type(decode(decode(KEPT[name].encode(), Signed).words, Letter).said) for name in LETTERS}
    assert kinds == set(KINDS) == set(Said.__subclasses__())


def test_what_is_written_now_is_what_the_file_says() -> None:
    assert made() == KEPT, "renew the file, see above"


def test_no_letter_can_ask_for_a_picture() -> None:
    """The whole vocabulary: a new word for hubs of other controllers is a decision, and is made here too."""
    said = {kind.__struct_config__.tag: set(kind.__struct_fields__) for kind in KINDS}
    codes = {"reason", "basis", "reference"}
    assert said == {
        "question": {"place", "from_us", "to_us"} | codes,
        "answer": {"question", "answer", "code", "words", "hold", "until_us", "cameras"},
        "request": {"question", "wanted", "necessity", "officer"} | codes,
        "request_state": {"request", "number", "state", "words"},
        "package": {"package", "request", "bytes", "sha256", "manifest_sha256"},
        "package_receipt": {"package", "request", "bytes", "sha256", "received_us"},
        "key_change": {"public_key", "proof"},
    }


@pytest.mark.parametrize("name", LETTERS)
def test_the_letters_of_version_1_are_understood_and_their_signatures_hold(name: str) -> None:
    signed = decode(KEPT[name].encode(), Signed)
    assert signed.key == key_id(PUBLIC)
    verify(PUBLIC, LETTER, signed.words, signed.signature)
    letter = decode(signed.words, Letter)
    assert encode(letter) == signed.words and letter.sender == HUB
    newer = msgspec.json.encode({**msgspec.json.decode(signed.words), "added_later": [1]})
    assert decode(newer, Letter) == letter
    with pytest.raises(Refused):
        verify(PUBLIC, DELIVERY, signed.words, signed.signature)  # a letter is no delivery


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_changed_bit_of_a_letter_passes(at: int, bit: int) -> None:
    signed = decode(KEPT["question in a circle"].encode(), Signed)
    changed = bytearray(signed.words)
    changed[at % len(changed)] ^= 1 << bit
    with pytest.raises(Refused):
        verify(PUBLIC, LETTER, bytes(changed), signed.signature)


@given(st.binary(max_size=300))
def test_nonsense_is_said_to_be_nonsense(data: bytes) -> None:
    for shape in (Signed, Letter):
        with pytest.raises(BadInput):
            decode(data, shape)


def test_a_document_is_compared_whole() -> None:
    data = KEPT["partner document"].encode()
    document, right = read_document(data)
    assert document.controller == "Ashby Council" and len(right.replace(" ", "")) == 32
    assert same_fingerprint(right.upper().replace(" ", ""), right) and not same_fingerprint(right[:-1] + "g", right)
    signed = decode(data, Signed)
    # Another certificate authority, address or name is another fingerprint, although the key is the same.
    other = signed.words.replace(b"cctv.ashby", b"cctv.mallory")
    assert fingerprint(other) != right
    with pytest.raises(BadInput, match="changed on its way"):
        read_document(encode(Signed(signed.key, other, signed.signature)))
    resigned = KEY.sign(f"belvedere federation {DOCUMENT} 1\n".encode() + other)
    assert read_document(encode(Signed(signed.key, other, resigned)))[1] != right


def test_keys_are_files_for_their_owner_only_and_the_first_names_the_hub(tmp_path: Path) -> None:
    keys = FederationKeys(tmp_path / "keys")
    first, hub = keys.newest, keys.hub
    assert first[:32] == hub and (tmp_path / "keys" / "0001.key").stat().st_mode & 0o077 == 0
    second = keys.make_next()
    again = FederationKeys(tmp_path / "keys")
    assert (again.hub, again.newest) == (hub, second) and again.public(first) == keys.public(first)


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(made(), indent=0) + "\n", "utf-8")
