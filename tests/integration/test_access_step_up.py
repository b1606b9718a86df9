"""Step-up: a passkey's signature over exactly one act, used once, by one person in one session."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from webauthn.helpers import base64url_to_bytes

from authenticator import Authenticator
from belvedere.foundation.errors import BadInput, StepUpNeeded
from belvedere.hub.access.challenges import NONCE_BYTES
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.step_up import LIFE_US, act_sha256, canonical_act
from hub_stage import HubStage
from passkey_stage import add, confirm, sign_in, stage_of

ACT: dict[str, Any] = {"do": "export", "cameras": ["gate", "court"], "from_us": 1, "to_us": 2}
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53) + 1, (1 << 53) - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def session_of(stage: HubStage, name: str = "ann") -> SignedIn:
    user = stage.hub.users.by_name(name)
    found = stage.hub.sessions.by_key(user.id, stage.hub.sessions.of(user.id)[0].key)
    assert found is not None
    return found


async def test_a_proof_counts_once_for_this_act_person_and_session(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as browser:
        key = Authenticator()
        await add(browser, key)
        proven = await confirm(browser, key, ACT)
        assert proven.status_code == 200 and proven.json()["act_sha256"] == act_sha256(ACT).hex()
        ann, desk = session_of(stage), stage.hub.step_up
        async with stage.signed_in("bob"), stage.browser() as other:
            await sign_in(other, key)
            for session in (session_of(stage, "bob"), session_of(stage)):
                if session.key != ann.key:
                    with pytest.raises(StepUpNeeded):
                        desk.require(session, ACT)
        for changed in ({"cameras": ["gate"]}, {"cameras": ["court", "gate"]}, {"to_us": 3}, {"more": None}):
            with pytest.raises(StepUpNeeded) as needed:
                desk.require(ann, ACT | changed)
            assert needed.value.act == ACT | changed
        proof = desk.require(ann, dict(reversed(ACT.items())))
        assert proof.id == proven.json()["proof"] and proof.user_id == ann.user.id
        with pytest.raises(StepUpNeeded):
            desk.require(ann, ACT)
        await confirm(browser, key, ACT)
        stage.clock.advance(LIFE_US)
        with pytest.raises(StepUpNeeded):
            desk.require(ann, ACT)


async def test_the_log_holds_a_signature_that_anybody_can_check(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as browser:
        key = Authenticator()
        await add(browser, key)
        await confirm(browser, key, ACT)
        entries = {entry.kind: entry.facts for entry in stage.hub.audit.entries()}
        facts, added = entries["step_up.proven"], entries["passkey.added"]
        assert facts["credential"] == added["credential"] and facts["act_sha256"] == act_sha256(ACT).hex()
        client = base64url_to_bytes(facts["client_data"])
        challenge = base64url_to_bytes(json.loads(client)["challenge"])
        assert (
            len(challenge) == NONCE_BYTES + 32
            and challenge[NONCE_BYTES:] == hashlib.sha256(canonical_act(ACT)).digest()
        )
        signed = base64url_to_bytes(facts["authenticator_data"]) + hashlib.sha256(client).digest()
        key.key.public_key().verify(base64url_to_bytes(facts["signature"]), signed, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("wrong", ["another act", "another person", "another session", "unverified", "rollback"])
async def test_what_proves_something_else_is_refused_and_logged(tmp_path: Path, wrong: str) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as browser, stage.signed_in("bob") as bob:
        key, foreign = Authenticator(count=5), Authenticator()
        await add(browser, key)
        await add(bob, foreign)
        begun = (await browser.post("/api/step-up/begin", json={"act": ACT})).json()
        sender = browser
        async with stage.browser() as other:
            match wrong:
                case "another act":
                    more = (await browser.post("/api/step-up/begin", json={"act": ACT | {"to_us": 9}})).json()
                    begun["options"]["challenge"] = more["options"]["challenge"]
                case "another person":
                    key = foreign
                case "another session":
                    await sign_in(other, key)
                    sender = other
                case "unverified":
                    key.verifies = False
                case "rollback":
                    key.count = 0
            body = {"id": begun["id"], "credential": key.get(begun["options"])}
            answer = await sender.post("/api/step-up/finish", json=body)
        assert answer.status_code == 403
        assert stage.kinds()[-1] == "step_up.refused" and "step_up.proven" not in stage.kinds()


async def test_nobody_confirms_without_a_passkey(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as browser:
        answer = await browser.post("/api/step-up/begin", json={"act": ACT})
        assert answer.status_code == 403 and "Settings" in answer.json()["error"]["advice"]
        assert (await browser.post("/api/step-up/begin", json={"act": {"x": 1.5}})).status_code == 400


@given(plain, st.randoms())
def test_one_act_has_one_text(value: Any, random: Any) -> None:
    def shuffled(part: Any) -> Any:
        if isinstance(part, dict):
            names = list(part)
            random.shuffle(names)
            return {name: shuffled(part[name]) for name in names}
        return [shuffled(each) for each in part] if isinstance(part, list) else part

    try:
        text = canonical_act({"act": value})
    except BadInput as error:
        assert "deeply" in error.message
        return
    assert canonical_act(shuffled({"act": value})) == text and json.loads(text) == {"act": value}


@pytest.mark.parametrize("value", [1.5, float("nan"), 1 << 53, b"x", {1: 2}, "x" * (65 << 10), object()])
def test_what_machines_write_differently_is_no_act(value: Any) -> None:
    with pytest.raises(BadInput):
        canonical_act({"act": value})
