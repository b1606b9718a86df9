"""What travels between hub and site stays readable: the bytes of each message as version 1 wrote them are kept in a file.

A new field has a default, so that the old bytes are still understood; then renew the file by running this one with `tests` on the
path. Bytes that are no longer understood mean another VERSION.
"""

import json
from pathlib import Path

import msgspec
import pytest

from link_vectors import kinds, sample

VECTORS = Path(__file__).with_name("link_vectors_1.json")
KEPT: dict[str, str] = json.loads(VECTORS.read_text("utf-8")) if VECTORS.exists() else {}


def test_every_message_has_a_vector_and_none_is_gone() -> None:
    assert sorted(KEPT) == sorted(kinds())


@pytest.mark.parametrize("name", sorted(KEPT))
def test_the_bytes_of_version_1_are_understood(name: str) -> None:
    kind = kinds()[name]
    read = msgspec.msgpack.decode(bytes.fromhex(KEPT[name]), type=kind)
    before = msgspec.to_builtins(read)
    now = msgspec.to_builtins(sample(kind))
    if isinstance(before, dict):
        old = msgspec.msgpack.decode(bytes.fromhex(KEPT[name]))
        assert {key: before[key] for key in old} == {key: now[key] for key in old}, "a field changed its meaning"
    else:
        assert before == now


@pytest.mark.parametrize("name", sorted(KEPT))
def test_what_is_written_now_is_what_the_file_says(name: str) -> None:
    assert msgspec.msgpack.encode(sample(kinds()[name])).hex() == KEPT[name], "renew the file, see above"


def test_what_a_newer_version_adds_is_passed_over() -> None:
    for name, kind in kinds().items():
        said = msgspec.msgpack.decode(bytes.fromhex(KEPT[name]))
        if isinstance(said, dict):
            newer = msgspec.msgpack.encode({**said, "added_later": [1, 2]})
            assert msgspec.msgpack.decode(newer, type=kind) == msgspec.msgpack.decode(
                bytes.fromhex(KEPT[name]), type=kind
            )


if __name__ == "__main__":
    made = {name: msgspec.msgpack.encode(sample(kind)).hex() for name, kind in kinds().items()}
    VECTORS.write_text(json.dumps(made, indent=0) + "\n", "utf-8")
