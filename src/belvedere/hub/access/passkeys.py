"""Passkeys (WebAuthn level 3). The person must be verified by the authenticator each time: a finger, a face, a PIN.

py_webauthn checks the formats and signatures; this desk holds the keys, whose they are, and what was asked.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, Conflict, NotFound, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access.challenges import Ceremony, Challenges, Pending
from belvedere.hub.access.origin import RelyingParty
from belvedere.hub.access.users import User
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import account, passkey, session

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

# webauthn is imported where it is used: with all its formats of attestation it is 0.3 s of each start.
MOST = 20  # passkeys a person
LONGEST_NAME = 64
_TIMEOUT_MS = 120_000
Credential = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey of a person. Holds no secret: the private half never leaves the authenticator."""

    id: str
    account_id: str
    credential_id: str  # base64url
    public_key: bytes  # COSE
    sign_count: int
    name: str
    synced: bool
    added_us: int
    used_us: int


@dataclass(frozen=True, slots=True)
class Assertion:
    """A signature that was verified, with the bytes that prove it to others. All three are base64url."""

    passkey: Passkey
    client_data: str
    authenticator_data: str
    signature: str


class PasskeyDesk:
    """Passkeys in the hub's database. Blocking; call it in a thread from async code."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._strangers = Challenges(clock)  # apart, so that strangers can't push out what people are about to sign
        self._people = Challenges(clock)

    def of(self, user_id: str) -> list[Passkey]:
        """A person's passkeys, oldest first."""
        query = select(passkey).where(passkey.c.account_id == user_id).order_by(passkey.c.added_us, passkey.c.id)
        with reading(self._engine) as connection:
            return [_passkey(row) for row in connection.execute(query).mappings()]

    def begin_adding(self, user: User, session_key: str, party: RelyingParty) -> tuple[Pending, dict[str, Any]]:
        """The question, and what the page passes to `navigator.credentials.create`. Raises Conflict."""
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        known = self.of(user.id)
        if len(known) >= MOST:
            raise Conflict(f"You have {MOST} passkeys.", advice="Remove one that you no longer use.")
        pending = self._people.begin(Ceremony.REGISTER, party, session_key)
        options = generate_registration_options(
            rp_id=party.id,
            rp_name="Belvedere",
            user_id=user.id.encode(),
            user_name=user.name,
            user_display_name=user.display,
            challenge=pending.challenge,
            timeout=_TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[_descriptor(each) for each in known],
        )
        return pending, json.loads(options_to_json(options))

    def add(self, user: User, session_key: str, question: str, credential: Credential, name: str) -> Passkey:
        """Keep a passkey that was just made. Raises Refused, BadInput, Conflict."""
        from webauthn import verify_registration_response
        from webauthn.helpers import bytes_to_base64url

        pending = self._people.take(question, Ceremony.REGISTER, session_key)
        name = _good_name(name)
        try:
            made = verify_registration_response(
                credential=dict(credential),
                expected_challenge=pending.challenge,
                expected_rp_id=pending.party.id,
                expected_origin=pending.party.origin,
                require_user_verification=True,
            )
        except Exception as error:  # whatever a decoder of a stranger's bytes may raise, it is no passkey
            raise _not_good(error) from error
        now_us = self._clock.now_us()
        kept = Passkey(
            new_id("passkey", self._clock),
            user.id,
            bytes_to_base64url(made.credential_id),
            made.credential_public_key,
            made.sign_count,
            name,
            made.credential_backed_up,
            now_us,
            now_us,
        )
        with writing(self._engine) as connection:
            try:
                connection.execute(insert(passkey).values(**_row(kept)))
            except IntegrityError as error:
                raise Conflict("That passkey is known already.", advice="Choose another one.") from error
        return kept

    def begin_sign_in(self, party: RelyingParty) -> tuple[Pending, dict[str, Any]]:
        """The question to somebody unknown, for `navigator.credentials.get`: any passkey for this host may answer."""
        pending = self._strangers.begin(Ceremony.SIGN_IN, party)
        return pending, _request(pending, [])

    def sign_in(self, question: str, credential: Credential) -> Passkey:
        """The passkey that answered, of an account that is open. Raises Refused."""
        pending = self._strangers.take(question, Ceremony.SIGN_IN)
        return self._verified(pending, credential, None).passkey

    def begin_step_up(
        self, user: User, session_key: str, party: RelyingParty, act_sha256: bytes
    ) -> tuple[Pending, dict[str, Any]]:
        """The question whether this person means this act: nonce || SHA-256(act). Raises Refused without a passkey."""
        known = self.of(user.id)
        if not known:
            raise Refused(
                "This has to be confirmed with a passkey, and you have none.", advice="Add one under Settings."
            )
        pending = self._people.begin(Ceremony.STEP_UP, party, session_key, act_sha256)
        return pending, _request(pending, known)

    def finish_step_up(
        self, user: User, session_key: str, question: str, credential: Credential
    ) -> tuple[Pending, Assertion]:
        """The answer, verified as this person's. Raises Refused."""
        pending = self._people.take(question, Ceremony.STEP_UP, session_key)
        return pending, self._verified(pending, credential, user.id)

    def rename(self, user: User, passkey_id: str, name: str) -> None:
        """Give one's own passkey another name. Raises BadInput, NotFound."""
        with writing(self._engine) as connection:
            changed = connection.execute(update(passkey).where(*_own(user, passkey_id)).values(name=_good_name(name)))
            if changed.rowcount == 0:
                raise NotFound("You have no such passkey.", advice="Look at the list under Settings.")

    def remove(self, user: User, passkey_id: str, *, keep_last: bool) -> Passkey:
        """Take one's own passkey away; sessions that it opened end, but not those of other ways in.

        `keep_last`: without it the account could not be opened. Raises NotFound, Conflict.
        """
        with writing(self._engine) as connection:
            rows = connection.execute(select(passkey).where(passkey.c.account_id == user.id)).mappings().all()
            gone = next((_passkey(row) for row in rows if row["id"] == passkey_id), None)
            if gone is None:
                raise NotFound("You have no such passkey.", advice="Look at the list under Settings.")
            if keep_last and len(rows) == 1:
                raise Conflict(
                    "This is the only way into your account.", advice="Add another passkey first, then remove this one."
                )
            connection.execute(delete(passkey).where(passkey.c.id == passkey_id))
            connection.execute(delete(session).where(session.c.passkey_id == passkey_id))
        return gone

    def _verified(self, pending: Pending, credential: Credential, user_id: str | None) -> Assertion:
        """The passkey that signed `pending`; its counter is written in the same step, so that no answer counts twice."""
        from webauthn import verify_authentication_response
        from webauthn.helpers import base64url_to_bytes
        from webauthn.helpers.exceptions import WebAuthnException

        named = str(credential.get("id", ""))[:1400]
        query = (
            select(passkey)
            .join(account, account.c.id == passkey.c.account_id)
            .where(passkey.c.credential_id == named, account.c.disabled.is_(False))
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None or user_id not in (None, row["account_id"]):
            raise Refused("This passkey is not known here.", advice="Choose another one, or ask for a one-time code.")
        known = _passkey(row)
        try:
            answer = credential["response"]
            proven = verify_authentication_response(
                credential=dict(credential),
                expected_challenge=pending.challenge,
                expected_rp_id=pending.party.id,
                expected_origin=pending.party.origin,
                credential_public_key=known.public_key,
                credential_current_sign_count=known.sign_count,
                require_user_verification=True,
            )
            whose = answer.get("userHandle")
            if whose and base64url_to_bytes(whose) != known.account_id.encode():
                raise WebAuthnException("the user handle is another account's")
            assertion = Assertion(
                known, *(answer[name] for name in ("clientDataJSON", "authenticatorData", "signature"))
            )
        except Exception as error:  # whatever a decoder of a stranger's bytes may raise, it proves nothing
            raise _not_good(error) from error
        count = proven.new_sign_count
        rises = passkey.c.sign_count < count if count else passkey.c.sign_count == 0
        with writing(self._engine) as connection:
            counted = connection.execute(
                update(passkey)
                .where(passkey.c.id == known.id, rises)
                .values(sign_count=count, used_us=self._clock.now_us())
            )
            if counted.rowcount == 0:
                raise _not_good(WebAuthnException("the counter went back"))
        return assertion


def _request(pending: Pending, known: list[Passkey]) -> dict[str, Any]:
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=pending.party.id,
        challenge=pending.challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=[_descriptor(each) for each in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    found: dict[str, Any] = json.loads(options_to_json(options))
    return found


def _descriptor(known: Passkey) -> "PublicKeyCredentialDescriptor":
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(known.credential_id))


def _not_good(error: Exception) -> Refused:
    """The reason is the library's: it names what did not fit, never a secret."""
    from webauthn.helpers.exceptions import WebAuthnException

    reason = str(error) if isinstance(error, WebAuthnException) else "it could not be read"
    return Refused(
        f"The passkey's answer does not hold: {reason[:160].rstrip('.')}.",
        advice="Try again; if it stays so, use another passkey and tell whoever looks after this installation.",
    )


def _good_name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadInput(f"A passkey's name has 1 to {LONGEST_NAME} characters.", advice="Name it after what holds it.")
    return name


def _own(user: User, passkey_id: str) -> tuple[Any, Any]:
    return passkey.c.id == passkey_id, passkey.c.account_id == user.id


def _row(kept: Passkey) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in Passkey.__slots__}


def _passkey(row: RowMapping) -> Passkey:
    return Passkey(**{name: row[name] for name in Passkey.__slots__})
