"""One's passkeys, and confirming an act with one (step-up)."""

from typing import Annotated, Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from belvedere.foundation.errors import Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access.doors import CurrentSession, CurrentUser, entering, signed_in
from belvedere.hub.access.entering import passkey_only
from belvedere.hub.access.origin import relying_party
from belvedere.hub.access.passkeys import LONGEST_NAME, Passkey
from belvedere.hub.access.session_routes import Answer, Body, Question
from belvedere.hub.access.step_up import act_sha256, bound_act
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room

router = Room("access")

PASSKEY_ADDED = "passkey.added"
PASSKEY_RENAMED = "passkey.renamed"
PASSKEY_REMOVED = "passkey.removed"
STEP_UP_PROVEN = "step_up.proven"
STEP_UP_REFUSED = "step_up.refused"
BY_CODE = "code"


class PasskeyOut(BaseModel):
    id: str
    name: str
    synced: bool
    added_us: int
    used_us: int
    this: bool


class PasskeyList(BaseModel):
    """`why_not`: why no passkey can be added at this address, "" where one can."""

    passkeys: list[PasskeyOut]
    why_not: str
    advice: str


class NewPasskey(Answer):
    name: Annotated[str, Field(max_length=4 * LONGEST_NAME)]


class NewName(Body):
    name: Annotated[str, Field(max_length=4 * LONGEST_NAME)]


class ActIn(Body):
    act: dict[str, Any]


class StepUpQuestion(Question):
    """`by`: passkey, or code where the demo lets one stand for it; then `options` is empty and the terminal shows the code."""

    act_sha256: str
    by: str = "passkey"


class TypedCode(Body):
    id: Annotated[str, Field(max_length=64)]
    code: Annotated[str, Field(max_length=40)]


class ProofOut(BaseModel):
    proof: str
    act_sha256: str
    expires_us: int


def _out(known: Passkey, session_passkey: str) -> PasskeyOut:
    return PasskeyOut(
        id=known.id,
        name=known.name,
        synced=known.synced,
        added_us=known.added_us,
        used_us=known.used_us,
        this=known.id == session_passkey,
    )


@router.get("/api/passkeys")
@entering
async def passkeys(request: Request, session: CurrentSession) -> PasskeyList:
    """One's own passkeys, oldest first, and whether this address can have any."""
    hub = hub_of(request)
    why_not, advice = "", ""
    try:
        relying_party(hub.settings.hub.origin, request)
    except Refused as refusal:
        why_not, advice = refusal.message, refusal.advice
    known = await run_in_threadpool(hub.passkeys.of, session.user.id)
    return PasskeyList(passkeys=[_out(each, session.passkey) for each in known], why_not=why_not, advice=advice)


@router.post("/api/passkeys/begin")
@entering
async def begin_adding(request: Request, session: CurrentSession) -> Question:
    """What `navigator.credentials.create` takes. Who has a passkey confirms `{do: "passkey.add"}` with it first.

    Not after a one-time code: that is how one comes back who lost them all.
    """
    hub = hub_of(request)
    party = relying_party(hub.settings.hub.origin, request)
    if session.user.has_passkey and not session.by_code:
        hub.step_up.require(session, {"do": "passkey.add", "account": session.user.id})
    pending, options = await run_in_threadpool(hub.passkeys.begin_adding, session.user, session.key, party)
    return Question(id=pending.id, options=options)


@router.post("/api/passkeys")
@entering
async def add_passkey(body: NewPasskey, request: Request, session: CurrentSession) -> PasskeyOut:
    """Keep the passkey that was just made."""
    hub = hub_of(request)
    made = await run_in_threadpool(hub.passkeys.add, session.user, session.key, body.id, body.credential, body.name)
    facts = {
        "passkey": made.id,
        "credential": made.credential_id,
        "public_key": made.public_key.hex(),
        "name": made.name,
    }
    await hub.audit.append(PASSKEY_ADDED, session.user.id, facts)
    await run_in_threadpool(hub.sessions.settle, session.key)
    return _out(made, session.passkey)


@router.put("/api/passkeys/{passkey_id}", status_code=204)
@signed_in
async def rename_passkey(passkey_id: str, body: NewName, request: Request, user: CurrentUser) -> None:
    """Give one's own passkey another name."""
    hub = hub_of(request)
    await run_in_threadpool(hub.passkeys.rename, user, passkey_id, body.name)
    await hub.audit.append(PASSKEY_RENAMED, user.id, {"passkey": passkey_id, "name": body.name})


@router.delete("/api/passkeys/{passkey_id}", status_code=204)
@signed_in
async def remove_passkey(passkey_id: str, request: Request, session: CurrentSession) -> None:
    """Remove one's own passkey, confirmed as `{do: "passkey.remove", passkey}`; the sessions that it opened end.

    Not the last one where no password opens the account.
    """
    hub, user = hub_of(request), session.user
    hub.step_up.require(session, {"do": "passkey.remove", "passkey": passkey_id})
    only_way = passkey_only(hub.settings.hub, user) or not user.has_password
    gone = await run_in_threadpool(lambda: hub.passkeys.remove(user, passkey_id, keep_last=only_way))
    await hub.audit.append(PASSKEY_REMOVED, user.id, {"passkey": gone.id, "credential": gone.credential_id})


@router.post("/api/step-up/begin")
@signed_in
async def begin_step_up(body: ActIn, request: Request, session: CurrentSession) -> StepUpQuestion:
    """Ask for a signature over exactly this act: the challenge is 32 random bytes and the SHA-256 of its canonical JSON."""
    hub = hub_of(request)
    digest = act_sha256(body.act)
    if hub.step_up_codes is not None and not session.user.has_passkey:
        question = hub.step_up_codes.begin(session, str(body.act.get("do", "")), digest)
        return StepUpQuestion(id=question, options={}, act_sha256=digest.hex(), by=BY_CODE)
    party = relying_party(hub.settings.hub.origin, request)
    pending, options = await run_in_threadpool(hub.passkeys.begin_step_up, session.user, session.key, party, digest)
    return StepUpQuestion(id=pending.id, options=options, act_sha256=digest.hex())


@router.post("/api/step-up/finish")
@signed_in
async def finish_step_up(body: Answer, request: Request, session: CurrentSession) -> ProofOut:
    """Verify the signature. The proof counts once, for five minutes, in this session, for that act."""
    hub, user = hub_of(request), session.user
    try:
        pending, assertion = await run_in_threadpool(
            hub.passkeys.finish_step_up, user, session.key, body.id, body.credential
        )
    except Refused as refusal:
        await hub.audit.append(STEP_UP_REFUSED, user.id, {"reason": refusal.message})
        raise
    act_hash, proof_id = bound_act(pending.challenge), new_id("stepup", hub.clock)
    facts = {
        "proof": proof_id,
        "act_sha256": act_hash,
        "credential": assertion.passkey.credential_id,
        "client_data": assertion.client_data,
        "authenticator_data": assertion.authenticator_data,
        "signature": assertion.signature,
    }
    entry = await hub.audit.append(STEP_UP_PROVEN, user.id, facts)
    proof = hub.step_up.put(session, proof_id, act_hash, assertion, entry.index)
    return ProofOut(proof=proof.id, act_sha256=act_hash, expires_us=proof.expires_us)


@router.post("/api/step-up/code")
@signed_in
async def finish_by_code(body: TypedCode, request: Request, session: CurrentSession) -> ProofOut:
    """The code from the demo's terminal, in a passkey's place. The proof is as good; the log says how it came about."""
    hub, user = hub_of(request), session.user
    try:
        if hub.step_up_codes is None or user.has_passkey:
            raise Refused("Acts are confirmed with a passkey here.", advice="Confirm it when your browser asks.")
        act_hash = hub.step_up_codes.finish(session, body.id, body.code).hex()
    except Refused as refusal:
        await hub.audit.append(STEP_UP_REFUSED, user.id, {"reason": refusal.message, "method": BY_CODE})
        raise
    proof_id = new_id("stepup", hub.clock)
    entry = await hub.audit.append(
        STEP_UP_PROVEN, user.id, {"proof": proof_id, "act_sha256": act_hash, "method": BY_CODE}
    )
    proof = hub.step_up.put(session, proof_id, act_hash, None, entry.index)
    return ProofOut(proof=proof.id, act_sha256=act_hash, expires_us=proof.expires_us)
