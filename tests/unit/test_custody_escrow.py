"""The officers' shares: any two open, one does not, a mistyped line is named."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import BadInput, SealBroken
from belvedere.hub.custody.escrow import (
    Escrow,
    OpenShare,
    Stretch,
    decode_escrow,
    encode_escrow,
    make_escrow,
    make_sheet,
    open_share,
    qr_text,
    random_passphrase,
    read_escrow,
    recover,
)
from belvedere.hub.custody.sheets import block, find_block, from_lines, to_lines
from belvedere.media.keybox import public_key_of

QUICK = Stretch(64, 1, 1)
HOLDERS = ("Ann Bell", "Raj Patel", "Sealed third share")
WORDS = ("correct horse battery", "staple of another kind", "the third is sealed")


@pytest.fixture(scope="module")
def sheets() -> tuple[Escrow, list[bytes], list[str]]:
    escrow, shares = make_escrow(HOLDERS, 1_780_000_000_000_000)
    made = [make_sheet(escrow, n, share, WORDS[n], QUICK) for n, share in enumerate(shares)]
    return escrow, shares, made


@given(st.binary(max_size=200))
def test_lines_give_back_what_was_printed(data: bytes) -> None:
    assert from_lines(to_lines(data)) == data
    typed = [line.upper().replace("0", "O").replace("1", "I") for line in to_lines(data)]
    assert from_lines([f"{n:02d}{line[2:]}" for n, line in enumerate(typed, 1)]) == data
    assert find_block(f"words\n{block('X', data)}\nmore" if data else block("X", b"a"), "X") == (data or b"a")
    assert find_block("nothing", "X") is None


@given(st.binary(min_size=41, max_size=60), st.data())
def test_a_wrong_letter_is_found_in_its_line(data: bytes, draw: st.DataObject) -> None:
    lines = to_lines(data)
    row = draw.draw(st.integers(0, len(lines) - 1))
    places = [n for n, letter in enumerate(lines[row]) if n > 2 and letter != " "]
    at = draw.draw(st.sampled_from(places[:-4]))
    other = draw.draw(st.sampled_from([x for x in "23456789abc" if x != lines[row][at]]))
    wrong = [*lines]
    wrong[row] = lines[row][:at] + other + lines[row][at + 1 :]
    try:  # the last letter of a line may carry spare bits, which mean nothing
        assert from_lines(wrong) == data
    except BadInput as error:
        assert f"Line {row + 1} " in error.message


@pytest.mark.parametrize("wrong", [["02  aaaa  bbbb"], ["01  aa"], ["01  a!u?  bbbb"], ["01  uuuu  bbbb"]])
def test_lines_that_can_not_be(wrong: list[str]) -> None:
    with pytest.raises(BadInput, match="Line 1"):
        from_lines(wrong)


def test_any_two_sheets_open_and_one_does_not(sheets: tuple[Escrow, list[bytes], list[str]]) -> None:
    escrow, _, made = sheets
    opened = [open_share(sheet, words) for sheet, words in zip(made, WORDS, strict=True)]
    found = {recover(escrow, one, other) for one, other in combinations(opened, 2)}
    assert len(found) == 1 and public_key_of(found.pop()) == escrow.public_key
    with pytest.raises(BadInput, match="two copies of one share"):
        recover(escrow, opened[0], opened[0])
    with pytest.raises(BadInput, match="passphrase of Raj Patel"):
        open_share(made[1], WORDS[0])
    stranger, _ = make_escrow(HOLDERS, 1)
    with pytest.raises(BadInput, match="another ceremony"):
        recover(stranger, opened[0], opened[1])
    swapped = Escrow(1, 0, stranger.public_key, escrow.holders, escrow.share_keys, stranger.boxes)
    with pytest.raises(SealBroken):
        recover(swapped, opened[0], opened[2])


def test_a_sheet_holds_the_escrow_and_nothing_secret_in_the_clear(
    sheets: tuple[Escrow, list[bytes], list[str]],
) -> None:
    escrow, shares, made = sheets
    assert all(read_escrow(sheet) == escrow == decode_escrow(encode_escrow(escrow)) for sheet in made)
    for sheet, share in zip(made, shares, strict=True):
        assert share not in (find_block(sheet, "BELVEDERE SHARE") or b"")
        assert "Ann Bell" in sheet and " ".join([escrow.name[:4], escrow.name[4:8]]) in sheet
        assert qr_text(sheet).startswith("BELVEDERE/SHARE/1/01") and " " not in qr_text(sheet)


def test_sheets_that_are_none(sheets: tuple[Escrow, list[bytes], list[str]]) -> None:
    escrow, shares, made = sheets
    with pytest.raises(BadInput, match="no recovery sheet"):
        open_share("a shopping list", "x")
    with pytest.raises(BadInput, match="no share"):
        open_share(block("BELVEDERE ESCROW", encode_escrow(escrow)), "x")
    with pytest.raises(BadInput, match="can't be read"):
        read_escrow(block("BELVEDERE ESCROW", b"nonsense"))
    with pytest.raises(BadInput, match="does not know"):
        decode_escrow(encode_escrow(Escrow(2, 0, b"", (), (), ())))
    with pytest.raises(BadInput, match="too short"):
        make_sheet(escrow, 0, shares[0], "short", QUICK)
    greedy = made[0].replace(
        block("BELVEDERE SHARE", find_block(made[0], "BELVEDERE SHARE") or b""),
        block("BELVEDERE SHARE", b"\x97\x01\x00\xce\x7f\xff\xff\xff\x01\x01\xc4\x10" + bytes(16) + b"\xc4\x01a"),
    )
    with pytest.raises(BadInput, match="impossible effort"):
        open_share(greedy, WORDS[0])


@pytest.mark.parametrize("names", [("A", "a", "B"), ("A", "B"), ("A", "", "C"), ("A", "B" * 61, "C")])
def test_three_different_names(names: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="all different"):
        make_escrow(names, 0)


def test_the_sealed_passphrase_is_long_and_never_the_same() -> None:
    one = random_passphrase()
    assert len(one.replace("-", "")) == 32 and one != random_passphrase()
    assert OpenShare(0, b"") == OpenShare(0, b"")
