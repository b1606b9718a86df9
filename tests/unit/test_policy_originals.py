"""Originals of a camera with permanent masks leave with the consent of the data protection officer, and nobody else's."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import SimulatedClock
from belvedere.policy.ask import Approval, Ask, ask_digest
from belvedere.policy.decision import Decision, Outcome, decide
from belvedere.policy.grant import MINT, Action, Grant
from belvedere.policy.row import Role
from belvedere.policy.signed import GRANT_ISSUED, grant_facts, grant_words, open_signed, sign_grant
from belvedere.policy.table import FULL_TABLE, TABLE
from belvedere.tlog.checkpoint import sign_checkpoint
from belvedere.tlog.merkle import leaf_hash
from belvedere.tlog.proof import LogProof, entry_of
from policy_stage import NOW, OWN, ask, person

EXPORT, PLAYBACK, UNMASK = Action.EXPORT, Action.PLAYBACK, Action.UNMASK
INVESTIGATOR = person(Role.INVESTIGATOR, Role.OPERATOR)


KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()


def wire_of(some: Grant) -> bytes:
    """Signed, under a log with one entry."""
    record = msgspec.json.encode({"kind": GRANT_ISSUED, "facts": grant_facts(some)})
    salt = bytes(32)
    note = sign_checkpoint(1, leaf_hash(entry_of(salt, record)), KEY)
    return sign_grant(some, KEY, LogProof(0, salt, record, (), note))


def originals(**changes: object) -> Ask:
    return replace(ask("investigation", EXPORT, PLAYBACK, UNMASK), **changes)  # type: ignore[arg-type]


def said_yes(what: Ask, role: Role) -> Ask:
    words = Approval("user_2", "another team", frozenset({role}), ask_digest("user_1", what), NOW)
    return replace(what, approval=words)


def asked(what: Ask) -> Decision:
    return decide(INVESTIGATOR, what, FULL_TABLE, NOW)


def test_the_dpo_and_nobody_else_consents_to_originals_of_a_masked_camera() -> None:
    plain = originals()
    assert Role.DPO not in asked(plain).needs.approvers
    given = asked(said_yes(plain, Role.SUPERVISOR)).granted()
    assert not given.masked and not given.originals
    assert asked(said_yes(plain, Role.DPO)).rule == "approval.role"
    veiled = originals(veiled=frozenset({"gate"}))
    waiting = asked(veiled)
    assert waiting.outcome is Outcome.APPROVAL and waiting.needs.approvers == {Role.DPO}
    assert asked(said_yes(veiled, Role.SUPERVISOR)).rule == "approval.role"
    assert asked(said_yes(veiled, Role.DPO)).granted().originals
    assert asked(originals(veiled=OWN - {"gate"})).needs == asked(plain).needs


def test_what_gives_no_originals_needs_no_dpo() -> None:
    masked_copy = ask("investigation", EXPORT, veiled=frozenset({"gate"}))
    assert Role.DPO not in asked(masked_copy).needs.approvers
    copy = asked(said_yes(masked_copy, Role.SUPERVISOR)).granted()
    assert copy.masked and not copy.originals
    look = ask("investigation", PLAYBACK, UNMASK, veiled=frozenset({"gate"}))
    assert Role.DPO not in asked(look).needs.approvers


def test_nothing_is_said_of_a_dpo_where_nobody_has_to_be_asked() -> None:
    duty = ask("duty", veiled=frozenset({"gate"}), reason="", recipient="")
    decision = decide(person(Role.OPERATOR), duty, TABLE, NOW)
    assert EXPORT in decision.granted().actions and not decision.granted().originals
    assert decision.needs.approvers == frozenset()


def test_consent_is_signed_and_old_grants_carry_none() -> None:
    veiled = originals(veiled=frozenset({"gate"}))
    given = msgspec.structs.replace(
        asked(said_yes(veiled, Role.DPO)).granted(), issued_us=(clock := SimulatedClock()).now_us(), expires_us=2**60
    )
    assert json.loads(grant_words(given))["originals"] is True and grant_facts(given)["originals"] is True
    assert open_signed(wire_of(given), PUBLIC, clock).originals
    without = msgspec.structs.replace(given, originals=False)
    assert "originals" not in json.loads(grant_words(without)) and "originals" not in grant_facts(without)
    assert not open_signed(wire_of(without), PUBLIC, clock).originals
    said = {
        field.name: getattr(given, field.name)
        for field in msgspec.structs.fields(Grant)
        if field.name not in ("originals", "mint")
    }
    assert not Grant(**said, mint=MINT).originals
    old = (Path(__file__).parents[1] / "corpus" / "grant" / "2026-11-2.json").read_bytes()
    assert not open_signed(old, PUBLIC, SimulatedClock()).originals
