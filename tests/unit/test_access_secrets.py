"""Passwords, codes, session ids and the limit on tries."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BadInput, Refused
from belvedere.hub.access import tries
from belvedere.hub.access.credentials import (
    Passwords,
    code_digits,
    csrf_of,
    digest,
    new_code,
    new_session_id,
    require_good_password,
)
from belvedere.hub.access.tries import LoginTries
from hub_stage import FAST


def test_password_matches_only_itself() -> None:
    passwords = Passwords(FAST)
    stored = passwords.hash("four words in a row")
    assert stored.startswith("$argon2id$")
    assert passwords.matches(stored, "four words in a row")
    assert not passwords.matches(stored, "four words in a rov")
    assert not passwords.matches("", "four words in a row")
    assert not passwords.matches("not a hash", "four words in a row")
    assert not passwords.outdated(stored)
    assert Passwords().outdated(stored)


@pytest.mark.parametrize("weak", ["short", "aaaaaaaaaaaaaaaa", "ababababababab", "x" * 300, "caroline1234"])
def test_weak_passwords_are_refused_with_advice(weak: str) -> None:
    with pytest.raises(BadInput) as refused:
        require_good_password(weak, name="caroline")
    assert refused.value.advice


def test_good_password_passes() -> None:
    require_good_password("correct horse battery", name="ann")


def test_codes_survive_typing() -> None:
    code = new_code()
    digits = code_digits(code)
    assert len(digits) == 20
    assert code_digits(code.lower().replace("-", " ")) == digits
    assert code_digits(code.replace("0", "O").replace("1", "l")) == digits
    assert new_code() != code


@given(st.text(max_size=40))
@settings(max_examples=60)
def test_anything_typed_is_a_code_or_nothing(text: str) -> None:
    digits = code_digits(text)
    assert digits == "" or (len(digits) == 20 and code_digits(digits) == digits)


def test_session_ids_and_their_tokens_differ() -> None:
    one, other = new_session_id(), new_session_id()
    assert one != other and len(one) >= 43
    assert csrf_of(one) == csrf_of(one) != csrf_of(other)
    assert csrf_of(one) not in one and digest(one) != digest(other)


def test_tries_run_out_and_come_back() -> None:
    clock = SimulatedClock()
    limit = LoginTries(clock)
    for _ in range(tries.PER_NAME_AND_ADDRESS):
        limit.take("ann", "10.0.0.1")
    with pytest.raises(Refused, match=r"Wait \d+ seconds"):
        limit.take("ann", "10.0.0.1")
    limit.take("ann", "10.0.0.2")  # a stranger elsewhere can't lock her out
    limit.take("bob", "10.0.0.1")
    assert limit.refused == 1
    clock.advance(tries.SPAN_US)
    limit.take("ann", "10.0.0.1")


def test_a_right_password_forgets_earlier_tries() -> None:
    limit = LoginTries(SimulatedClock())
    for _ in range(3 * tries.PER_NAME_AND_ADDRESS):
        limit.take("ann", "10.0.0.1")
        limit.forget("ann", "10.0.0.1")


def test_one_address_can_not_try_every_name() -> None:
    limit = LoginTries(SimulatedClock())
    for number in range(tries.PER_ADDRESS):
        limit.take(f"user{number}", "10.0.0.1")
    with pytest.raises(Refused):
        limit.take("another", "10.0.0.1")


def test_tries_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "_KEPT", 50)
    limit = LoginTries(SimulatedClock())
    for number in range(200):
        limit.take(f"user{number}", f"10.0.0.{number}")
    assert len(limit._tries) <= 50
