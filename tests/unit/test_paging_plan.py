"""Who is on call when, and how the ladder is climbed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from belvedere.foundation.clock import MINUTE_US
from belvedere.foundation.paging import PagingSettings
from belvedere.hub.paging.answers import message_of, token_of
from belvedere.hub.paging.channels import _fill
from belvedere.hub.paging.ladder import Call, GiveUp, Page, State, next_move, nobody_on
from belvedere.hub.paging.plan import DEFAULT_KINDS, KINDS, Contact, Hours, Plan, Step

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NOW_US = int(MONDAY.timestamp()) * 1_000_000


def someone(name: str = "Ann", **more: object) -> Contact:
    return Contact.model_validate({"name": name, "channel": "email", "address": "ann@council.example", **more})


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    nights = Hours(days=(4,), from_minute=22 * 60, to_minute=6 * 60)
    assert nights.began(at(4, 23)) == at(4, 0).date()
    assert nights.began(at(5, 5, 59)) == at(4, 0).date()
    assert nights.began(at(5, 6)) is None
    assert nights.began(at(4, 5)) is None
    assert nights.began(at(5, 23)) is None


@given(
    days=st.sets(st.integers(0, 6)),
    first=st.integers(0, 1439),
    last=st.integers(0, 1439),
    minute=st.integers(0, 7 * 1440 - 1),
)
def test_hours_are_what_walking_through_the_week_says(days: set[int], first: int, last: int, minute: int) -> None:
    hours = Hours(days=tuple(days), from_minute=first, to_minute=last)
    lasts = (last - first) % 1440 or 1440
    if first == last:
        spans = [(day * 1440, 1440) for day in days]
    else:
        spans = [(day * 1440 + first, lasts) for day in days]
    expected = any((minute - start) % (7 * 1440) < length for start, length in spans)
    assert (hours.began(MONDAY + timedelta(minutes=minute)) is not None) == expected


def test_a_rota_has_its_weeks_and_the_last_shift_is_whole() -> None:
    ann = someone(
        hours=Hours(from_minute=18 * 60, to_minute=8 * 60), first_day=date(2026, 11, 23), last_day=date(2026, 11, 24)
    )
    assert not ann.on(at(0, 7))
    assert ann.on(at(0, 19)) and ann.on(at(2, 7))
    assert not ann.on(at(2, 19))


def test_the_office_is_silent_in_its_hours_but_not_on_closed_days() -> None:
    plan = Plan(closed_days=(date(2026, 11, 24),))
    assert plan.silent(at(0, 9)) and not plan.silent(at(0, 19)) and not plan.silent(at(5, 12))
    assert not plan.silent(at(1, 9))
    assert not plan.model_copy(update={"in_office_hours": True}).silent(at(0, 9))


def test_defaults_name_faults_that_exist_and_none_of_paging_itself() -> None:
    assert set(DEFAULT_KINDS) <= set(KINDS)
    assert not {"page_failed", "page_unanswered"} & set(KINDS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": "email", "address": "ann"},
        {"channel": "email", "address": "a@b.example\nBcc: c@d.example"},
        {"channel": "sms", "address": "07700 900123"},
        {"channel": "webhook", "address": "https://elsewhere.example"},
        {"name": "Ann\r\nX: y"},
    ],
)
def test_wrong_addresses_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        someone(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook_url": "http://elsewhere.example/x", "webhook_secret_file": "s"},
        {"webhook_url": "https://elsewhere.example/x"},
        {"smtp_host": "mail.example"},
        {"smtp_host": "mail.example", "smtp_from": "b@c.example", "smtp_security": "none"},
        {"sms_url": "https://gateway.example/send"},
        {"time_zone": "Nowhere/Land"},
    ],
)
def test_settings_that_would_leak_or_do_nothing_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        PagingSettings.model_validate(wrong)


def waiting(**changes: object) -> Page:
    page = Page("page_1", "main", False, State.CALLING, 0, 1, -1, NOW_US, "", NOW_US, None, "", "", None)
    return replace(page, **changes)  # type: ignore[arg-type]


def plan_of(*waits: int) -> Plan:
    return Plan(on=True, steps=tuple(Step(contacts=(someone(),), wait_minutes=wait) for wait in waits))


def test_the_ladder_is_climbed_round_by_round_and_given_up() -> None:
    plan, page, heard = plan_of(5, 10), waiting(), []
    for minute in range(60):
        now_us = NOW_US + minute * MINUTE_US
        move = next_move(page, plan, MONDAY, now_us, failed=False)
        if isinstance(move, Call):
            heard.append((minute, move.round, move.step))
            page = replace(page, round=move.round, step=move.step, step_us=now_us)
        if isinstance(move, GiveUp):
            heard.append((minute, -1, -1))
            page = replace(page, state=State.UNANSWERED)
    assert heard == [(0, 0, 0), (5, 0, 1), (15, 1, 0), (20, 1, 1), (30, -1, -1)]


def test_what_failed_goes_to_the_next_step_at_once_and_the_last_one_waits() -> None:
    plan = plan_of(5, 10)
    assert next_move(waiting(step=0), plan, MONDAY, NOW_US, failed=True) == Call(0, 1)
    assert next_move(waiting(step=1), plan, MONDAY, NOW_US, failed=True) is None
    assert next_move(waiting(step=1), plan, MONDAY, NOW_US + 10 * MINUTE_US, failed=True) == Call(1, 0)


def test_steps_without_anybody_are_passed_over_and_an_empty_rota_is_said() -> None:
    weekend = Step(contacts=(someone(hours=Hours(days=(5, 6))),), wait_minutes=5)
    plan = Plan(on=True, steps=(weekend, *plan_of(5).steps))
    assert next_move(waiting(), plan, MONDAY, NOW_US, failed=False) == Call(0, 1)
    alone = Plan(on=True, steps=(weekend,))
    assert next_move(waiting(), alone, MONDAY, NOW_US, failed=False) is None
    assert nobody_on(waiting(), alone, MONDAY)
    assert next_move(waiting(), alone, at(5, 1), NOW_US, failed=False) == Call(0, 0)


def test_nothing_happens_to_what_is_answered_over_or_a_test() -> None:
    for page in (waiting(state=State.ANSWERED), waiting(state=State.OVER), waiting(test=True)):
        assert next_move(page, plan_of(5), MONDAY, NOW_US + 9999 * MINUTE_US, failed=True) is None


@given(key=st.binary(min_size=32, max_size=32), at=st.integers(0, 60), letter=st.sampled_from("abcdef234567"))
def test_a_link_opens_only_as_it_was_made(key: bytes, at: int, letter: str) -> None:
    token = token_of(key, "page_01k9.0.0.0")
    assert message_of(key, token) == "page_01k9.0.0.0"
    other = token[: at % len(token)] + letter + token[at % len(token) + 1 :]
    if other != token:
        with pytest.raises(Exception, match="not one of"):
            message_of(key, other)


def test_what_is_filled_in_is_never_filled_in_again() -> None:
    assert _fill('{"to":"{to}","x":"{other}"}', {"to": "{secret}", "secret": "s"}) == '{"to":"{secret}","x":"{other}"}'
