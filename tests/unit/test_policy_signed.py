"""Grants on the wire: only the hub's own, unchanged, logged and unexpired ones open."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.clock import HOUR_US, SimulatedClock
from belvedere.foundation.errors import Refused
from belvedere.policy import signed
from belvedere.policy.decision import Ask, Asker, decide
from belvedere.policy.ended import MAX_ENDING_BYTES, open_ending, sign_ending
from belvedere.policy.grant import Grant
from belvedere.policy.signed import (
    _PREFIX,
    GRANT_ISSUED,
    MAX_WIRE_BYTES,
    GrantForged,
    GrantOpener,
    GrantUnlogged,
    LogForked,
    LogMark,
    grant_facts,
    grant_words,
    open_signed,
    sign_grant,
)
from belvedere.policy.table import TABLE
from belvedere.tlog.checkpoint import sign_checkpoint
from belvedere.tlog.merkle import full_root, inclusion_proof, leaf_hash, root_of
from belvedere.tlog.proof import LogProof, entry_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()


class Log:
    """A hub's log, held in a list."""

    def __init__(self, key: Ed25519PrivateKey = KEY) -> None:
        self.key = key
        self.records: list[tuple[bytes, bytes]] = []
        self.leaves: list[bytes] = []

    def add(self, record: bytes) -> int:
        salt = os.urandom(32)
        self.records.append((salt, record))
        self.leaves.append(leaf_hash(entry_of(salt, record)))
        return len(self.leaves) - 1

    def proof(self, index: int) -> LogProof:
        path = inclusion_proof(
            index, len(self.leaves), lambda level, at: full_root(self.leaves[at << level : (at + 1) << level])
        )
        note = sign_checkpoint(len(self.leaves), root_of(self.leaves), self.key)
        return LogProof(index, *self.records[index], path, note)


def grant(clock: SimulatedClock, name: str = "grant_1", cameras: int = 2) -> Grant:
    who = Asker("user_1", "Ann Ó", frozenset({"operator"}), frozenset(f"cam-{n}" for n in range(cameras)), 2**62)
    return decide(who, Ask(name, "duty"), TABLE, clock.now_us()).granted()


def record(some: Grant, **changes: Any) -> bytes:
    facts = {**grant_facts(some), **changes}
    return msgspec.json.encode({"kind": GRANT_ISSUED, "actor": some.user_id, "facts": facts}, order="sorted")


def wire_of(some: Grant, log: Log) -> bytes:
    return sign_grant(some, KEY, log.proof(log.add(record(some))))


def test_what_is_signed_opens_again() -> None:
    clock, log = SimulatedClock(), Log()
    for _ in range(5):
        log.add(b"{}")
    some = grant(clock)
    wire = wire_of(some, log)
    opener = GrantOpener(PUBLIC, clock)
    assert opener.open(wire) == some == open_signed(wire, PUBLIC, clock)
    assert opener.open(wire) is opener.open(wire)
    assert opener.mark == LogMark(6, some.issued_us)
    assert set(json.loads(wire)) == {"format", "grant", "signature", "log"}


def test_an_expired_grant_does_not_open_even_when_it_was_open_before() -> None:
    clock, log = SimulatedClock(), Log()
    wire = wire_of(grant(clock), log)
    opener = GrantOpener(PUBLIC, clock)
    opener.open(wire)
    clock.advance(12 * HOUR_US)
    for one in (opener, GrantOpener(PUBLIC, clock)):
        with pytest.raises(Refused, match="ended"):
            one.open(wire)


def edited(wire: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    words = json.loads(wire)
    change(words)
    return json.dumps(words).encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_every_change_is_refused() -> None:
    clock, log = SimulatedClock(), Log()
    for _ in range(3):
        log.add(b"{}")
    some = grant(clock)
    wire = wire_of(some, log)
    other = grant(clock, "grant_2")
    foreign = Ed25519PrivateKey.generate()
    unlogged = log.proof(log.add(b'{"kind":"grant.issued","facts":{"grant_sha256":"00"}}'))
    wrong_kind = log.proof(log.add(record(some).replace(b"grant.issued", b"grant.ended_")))
    of_other = log.proof(log.add(record(other)))

    def with_proof(words: dict[str, Any], proof: LogProof) -> None:
        words["log"] = {
            "index": proof.index,
            "salt": b64(proof.salt),
            "record": proof.record.decode(),
            "path": [b64(part) for part in proof.path],
            "checkpoint": proof.checkpoint.decode(),
        }

    forged: list[Callable[[dict[str, Any]], None]] = [
        lambda w: w["grant"].update(expires_us=w["grant"]["expires_us"] + 1),
        lambda w: w["grant"]["cameras"].append("town-hall"),
        lambda w: w["grant"].update(extra=1),
        lambda w: w.update(signature=b64(bytes(64))),
        lambda w: w.update(signature=b64(foreign.sign(_PREFIX + grant_words(some)))),
        lambda w: w.update(signature=b64(KEY.sign(grant_words(some)))),
        lambda w: w.update(extra=1),
        lambda w: w.pop("log"),
        lambda w: w.update(log=None),
    ]
    loose: list[Callable[[dict[str, Any]], None]] = [
        lambda w: w["log"].update(index=w["log"]["index"] - 1),
        lambda w: w["log"].update(salt=b64(bytes(32))),
        lambda w: w["log"].update(salt=b64(bytes(3))),
        lambda w: w["log"].update(record=w["log"]["record"] + " "),
        lambda w: w["log"]["path"].pop(),
        lambda w: w["log"].update(path=[]),
        lambda w: w["log"].update(checkpoint="x"),
        lambda w: w["log"].update(checkpoint=w["log"]["checkpoint"].replace("\n4\n", "\n5\n")),
        lambda w: with_proof(w, unlogged),
        lambda w: with_proof(w, wrong_kind),
        lambda w: with_proof(w, of_other),
    ]
    # Writing the grant's JSON with other spaces changes its bytes, so the edits keep the hub's spelling.
    exact = msgspec.json.decode(wire, type=dict[str, msgspec.Raw])

    def keeping(change: Callable[[dict[str, Any]], None]) -> bytes:
        words = json.loads(wire)
        change(words)
        return msgspec.json.encode({**words, "grant": exact["grant"]})

    for change in forged:
        with pytest.raises(GrantForged):
            open_signed(edited(wire, change), PUBLIC, clock)
    for change in loose:
        with pytest.raises(GrantUnlogged):
            open_signed(keeping(change), PUBLIC, clock)
    with pytest.raises(GrantForged, match="format 2"):
        open_signed(keeping(lambda w: w.update(format=2)), PUBLIC, clock)
    with pytest.raises(GrantForged):
        open_signed(wire, foreign.public_key().public_bytes_raw(), clock)


def test_a_signed_grant_without_a_span_does_not_open() -> None:
    clock, log = SimulatedClock(), Log()
    some = grant(clock)
    words = json.loads(grant_words(some)) | {"to_us": some.from_us}
    raw = msgspec.json.encode(words, order="sorted")
    envelope = json.loads(wire_of(some, log))
    envelope |= {"grant": msgspec.Raw(raw), "signature": b64(KEY.sign(_PREFIX + raw))}
    with pytest.raises(GrantForged):
        open_signed(msgspec.json.encode(envelope), PUBLIC, clock)


def test_the_hub_signs_only_what_it_logged_and_what_fits() -> None:
    clock, log = SimulatedClock(), Log()
    some = grant(clock)
    for words in (b"not json", b"{}", record(grant(clock, "grant_2"))):
        with pytest.raises(ValueError, match="log proof"):
            sign_grant(some, KEY, log.proof(log.add(words)))
    huge = grant(clock, cameras=20_000)
    with pytest.raises(ValueError, match="longer"):
        wire_of(huge, log)
    with pytest.raises(GrantForged, match="no longer"):
        open_signed(bytes(MAX_WIRE_BYTES + 1), PUBLIC, clock)


def test_a_log_that_forks_is_noticed() -> None:
    clock = SimulatedClock()
    ours, theirs = Log(), Log()
    opener = GrantOpener(PUBLIC, clock)
    opener.open(wire_of(grant(clock), ours))
    with pytest.raises(LogForked, match="two logs of 1"):
        opener.open(wire_of(grant(clock, "grant_2"), theirs))


def test_a_log_that_goes_back_is_noticed_and_older_grants_stay_good() -> None:
    clock, log = SimulatedClock(), Log()
    first = wire_of(grant(clock, "grant_1"), log)
    clock.advance(1_000_000)
    second = wire_of(grant(clock, "grant_2"), log)
    opener = GrantOpener(PUBLIC, clock)
    opener.open(second)
    opener.open(first)  # issued earlier, under a smaller tree: in order
    clock.advance(1_000_000)
    restored = Log()
    restored.add(b"{}")
    with pytest.raises(LogForked):
        opener.open(wire_of(grant(clock, "grant_3"), Log()))
    remembered = GrantOpener(PUBLIC, clock, opener.mark)
    with pytest.raises(LogForked, match="went back from 2 to 1"):
        remembered.open(wire_of(grant(clock, "grant_4"), Log()))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.policy.signed._CACHED", 3)
    monkeypatch.setattr("belvedere.policy.signed._ROOTS", 3)
    clock, log = SimulatedClock(), Log()
    opener = GrantOpener(PUBLIC, clock)
    for number in range(6):
        opener.open(wire_of(grant(clock, f"grant_{number}"), log))
    assert len(opener._open) == 3
    assert sorted(opener._roots) == [4, 5, 6]


@settings(max_examples=200)
@given(data=st.data())
def test_damage_never_opens_a_grant(data: st.DataObject) -> None:
    clock, log = SimulatedClock(), Log()
    some = grant(clock)
    wire = bytearray(wire_of(some, log))
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= data.draw(st.integers(1, 255))
    try:
        opened = open_signed(bytes(wire), PUBLIC, clock)
    except Refused:
        return
    # Bytes that carry nothing, such as unused bits of base64, may change; the grant may not.
    assert opened == some


@given(noise=st.binary(max_size=200))
def test_noise_never_opens(noise: bytes) -> None:
    with pytest.raises(GrantForged):
        open_signed(noise, PUBLIC, SimulatedClock())


def test_the_words_are_canonical() -> None:
    some = grant(SimulatedClock())
    words = grant_words(some)
    assert words == json.dumps(json.loads(words), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert grant_words(msgspec.structs.replace(some)) == words


def test_limits_are_what_the_page_says() -> None:
    assert (MAX_WIRE_BYTES, signed._CACHED, signed._ROOTS) == (262_144, 256, 1024)
    clock = SimulatedClock()
    assert GrantOpener(PUBLIC, clock).mark == LogMark(0, 0)
    with pytest.raises(GrantForged, match="not signed"):
        open_signed(bytes(MAX_WIRE_BYTES), PUBLIC, clock)


def test_a_grant_of_exactly_the_longest_length_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, log = SimulatedClock(), Log()
    some = grant(clock)
    proof = log.proof(log.add(record(some)))
    monkeypatch.setattr("belvedere.policy.signed.MAX_WIRE_BYTES", len(sign_grant(some, KEY, proof)))
    assert sign_grant(some, KEY, proof)


def test_what_was_used_last_is_kept_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.policy.signed._CACHED", 2)
    clock, log = SimulatedClock(), Log()
    wires = [wire_of(grant(clock, f"grant_{number}"), log) for number in range(3)]
    opener = GrantOpener(PUBLIC, clock)
    first = opener.open(wires[0])
    opener.open(wires[1])
    opener.open(wires[0])
    opener.open(wires[2])
    assert opener.open(wires[0]) is first


def test_grants_of_one_tree_or_one_moment_are_no_fork() -> None:
    clock, log = SimulatedClock(), Log()
    same = wire_of(grant(clock, "grant_1"), log), wire_of(grant(clock, "grant_2"), log)
    opener = GrantOpener(PUBLIC, clock)
    opener.open(same[1])
    opener.open(same[0])  # issued at the same moment, under a smaller tree
    early = grant(clock, "grant_3")
    clock.advance(1)
    late = grant(clock, "grant_4")
    at = log.add(record(early)), log.add(record(late))
    for some, index in zip((early, late), at, strict=True):
        opener.open(sign_grant(some, KEY, log.proof(index)))


def test_a_grant_signed_before_there_were_second_persons_still_opens() -> None:
    wire = (Path(__file__).parents[1] / "corpus" / "grant" / "2026-11-2.json").read_bytes()
    old = open_signed(wire, PUBLIC, SimulatedClock())
    assert (old.purpose, old.policy_version, old.masked, old.approver) == ("duty", "2026-11-2", False, "")
    assert old.actions == {"live", "playback", "export", "ptz"} and old.cameras == {"cam-0", "cam-1"}


def test_the_end_of_a_grant_is_signed_too() -> None:
    wire = sign_ending("grant_1", 5, KEY)
    ending = open_ending(wire, PUBLIC)
    assert (ending.grant, ending.expires_us, MAX_ENDING_BYTES) == ("grant_1", 5, 1024)
    KEY.public_key().verify(ending.signature, b"belvedere grant ended 1\ngrant_1 5")
    assert open_ending(wire.ljust(1024), PUBLIC) == ending
    for wrong in (
        wire.ljust(1025),
        wire.replace(b":5", b":6"),
        b"{}",
        sign_ending("x", 1, Ed25519PrivateKey.generate()),
    ):
        with pytest.raises(GrantForged):
            open_ending(wrong, PUBLIC)
