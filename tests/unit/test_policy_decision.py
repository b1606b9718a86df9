"""The policy: every line of the table, and no way round it."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US
from belvedere.foundation.errors import Refused
from belvedere.policy.decision import MAX_CASE_LETTERS, Ask, Asker, Decision, decide
from belvedere.policy.grant import MINT, Action, Grant, _Mint
from belvedere.policy.table import TABLE, Role

NOW = 1_780_000_000 * SECOND_US
CAMERAS = frozenset({"gate", "court", "stairs"})
DUTY_ROLES = {Role.OPERATOR, Role.SUPERVISOR, Role.MANAGER}
CASE_ROLES = {Role.INVESTIGATOR, Role.SUPERVISOR}
RECORDED = frozenset({Action.PLAYBACK, Action.EXPORT})
ON_DUTY = frozenset({Action.LIVE, Action.PLAYBACK, Action.EXPORT, Action.PTZ})
MINUTE = 60 * SECOND_US


def asker(*roles: str, shift_end_us: int | None = NOW + 8 * HOUR_US, cameras: frozenset[str] = CAMERAS) -> Asker:
    return Asker("user_1", "Ann", frozenset(roles), cameras, shift_end_us)


def duty(**changes: object) -> Ask:
    return replace(Ask("grant_1", "duty"), **changes)  # type: ignore[arg-type]


def case(**changes: object) -> Ask:
    return replace(Ask("grant_1", "investigation", case="CR/26/1"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", list(Role))
def test_the_table_line_by_line(role: Role) -> None:
    on_duty = decide(asker(role), duty(), TABLE, NOW)
    on_case = decide(asker(role), case(), TABLE, NOW)
    assert on_duty.allowed == (role in DUTY_ROLES)
    assert on_case.allowed == (role in CASE_ROLES)
    if on_duty.grant:
        assert on_duty.grant.actions == ON_DUTY
    if on_case.grant:
        assert on_case.grant.actions == RECORDED
        assert on_case.grant.case == "CR/26/1"
    for refused in (on_duty, on_case):
        if not refused.allowed:
            assert refused.rule == "role" and refused.reason and refused.advice


def test_those_who_look_after_the_system_see_no_pictures() -> None:
    blind = (Role.DPO, Role.AUDITOR, Role.INSTALLER, Role.ADMINISTRATOR)
    for purpose in (*TABLE.purposes, "anything"):
        assert not decide(asker(*blind), replace(case(), purpose=purpose), TABLE, NOW).allowed


def test_duty_lasts_until_the_shift_ends_and_twelve_hours_at_most() -> None:
    short = decide(asker(Role.OPERATOR), duty(), TABLE, NOW).granted()
    assert (short.expires_us, short.from_us, short.to_us) == (NOW + 8 * HOUR_US, NOW - 31 * DAY_US, NOW + 8 * HOUR_US)
    long = decide(asker(Role.OPERATOR, shift_end_us=NOW + 20 * HOUR_US), duty(), TABLE, NOW).granted()
    assert long.expires_us == NOW + 12 * HOUR_US
    for end in (None, NOW, NOW - 1):
        decision = decide(asker(Role.OPERATOR, shift_end_us=end), duty(), TABLE, NOW)
        assert (decision.rule, decision.grant) == ("shift", None)


def test_duty_reaches_back_31_days_and_a_case_further() -> None:
    old = NOW - 400 * DAY_US
    assert decide(asker(Role.SUPERVISOR), duty(from_us=NOW - 31 * DAY_US), TABLE, NOW).allowed
    assert decide(asker(Role.SUPERVISOR), duty(from_us=NOW - 31 * DAY_US - 1), TABLE, NOW).rule == "span.reach"
    grant = decide(asker(Role.SUPERVISOR), case(from_us=old, to_us=old + HOUR_US), TABLE, NOW).granted()
    assert (grant.from_us, grant.to_us, grant.expires_us) == (old, old + HOUR_US, NOW + 8 * HOUR_US)


@pytest.mark.parametrize(
    ("ask", "rule"),
    [
        (case(case=""), "case.missing"),
        (case(case="  \t "), "case.missing"),
        (case(case="x" * (MAX_CASE_LETTERS + 1)), "case.form"),
        (case(case="a\nb"), "case.form"),
        (case(actions=frozenset({Action.LIVE})), "action"),
        (case(actions=frozenset({Action.LIVE, Action.PLAYBACK})), "action"),
        (case(cameras=frozenset({"gate", "town-hall"})), "cameras.foreign"),
        (case(from_us=NOW, to_us=NOW), "span.empty"),
        (case(from_us=NOW + 9 * HOUR_US), "span.empty"),
        (replace(case(), purpose=""), "purpose.unknown"),
        (replace(case(), purpose="Investigation"), "purpose.unknown"),
    ],
)
def test_refusals_name_their_rule(ask: Ask, rule: str) -> None:
    decision = decide(asker(Role.SUPERVISOR), ask, TABLE, NOW)
    assert (decision.rule, decision.allowed) == (rule, False)
    with pytest.raises(Refused) as refused:
        decision.granted()
    assert refused.value.message == decision.reason and refused.value.advice


def test_no_cameras_no_grant_and_long_lists_are_counted() -> None:
    assert decide(asker(Role.OPERATOR, cameras=frozenset()), duty(), TABLE, NOW).rule == "cameras.none"
    many = frozenset(f"far-{number}" for number in range(9))
    reason = decide(asker(Role.OPERATOR), duty(cameras=many), TABLE, NOW).reason
    assert "far-0, far-1, far-2 and 6 more" in reason


asks = st.builds(
    Ask,
    grant_id=st.just("grant_1"),
    purpose=st.sampled_from(["duty", "investigation", "", "admin"]) | st.text(max_size=12),
    cameras=st.frozensets(st.sampled_from([*CAMERAS, "town-hall"])),
    actions=st.frozensets(st.sampled_from(list(Action))),
    case=st.sampled_from(["", " ", "CR/26/1", "\x00", "x" * 65]),
    from_us=st.none() | st.integers(NOW - 90 * DAY_US, NOW + DAY_US),
    to_us=st.none() | st.integers(NOW - 90 * DAY_US, NOW + 90 * DAY_US),
)
askers = st.builds(
    Asker,
    user_id=st.just("user_1"),
    user_name=st.just("Ann"),
    roles=st.frozensets(st.sampled_from([*map(str, Role), "root", "OPERATOR", ""])),
    cameras=st.frozensets(st.sampled_from(sorted(CAMERAS))),
    shift_end_us=st.none() | st.integers(NOW - DAY_US, NOW + 2 * DAY_US),
)


@given(st.lists(st.tuples(askers, asks), min_size=1, max_size=4))
def test_nothing_passes_outside_the_table(questions: list[tuple[Asker, Ask]]) -> None:
    """Each question stands for itself: what was asked before changes nothing, and every grant is within its line."""
    for who, what in questions:
        decision = decide(who, what, TABLE, NOW)
        assert decision == decide(who, what, TABLE, NOW)
        assert decision.policy_version == TABLE.version and decision.reason
        if decision.grant is None:
            assert not decision.allowed and decision.advice
            continue
        grant = decision.grant
        purpose = TABLE.purposes[what.purpose]
        lines = [row.actions for row in TABLE.rows if purpose.kind in row.kinds and row.roles & who.roles]
        assert grant.actions and grant.actions <= frozenset().union(*lines)
        assert not what.actions or grant.actions == what.actions
        assert grant.cameras and grant.cameras <= who.cameras
        assert not what.cameras or grant.cameras == what.cameras
        assert NOW < grant.expires_us <= NOW + purpose.longest_us
        assert not purpose.needs_case or grant.case
        assert grant.from_us < grant.to_us <= grant.expires_us
        assert what.from_us is None or grant.from_us == what.from_us
        assert what.to_us is None or grant.to_us <= what.to_us
        if purpose.ends_with_shift:
            assert who.shift_end_us is not None and grant.expires_us <= who.shift_end_us
        if purpose.longest_reach_us is not None:
            assert grant.from_us >= NOW - purpose.longest_reach_us
        assert not set(who.roles) <= {"root", "OPERATOR", "", *map(str, set(Role) - DUTY_ROLES - CASE_ROLES)}


def test_a_grant_checks_what_it_is_used_for() -> None:
    grant = decide(asker(Role.OPERATOR), duty(to_us=NOW + HOUR_US), TABLE, NOW).granted()
    grant.require(Action.LIVE, "gate", now_us=NOW)
    grant.require(Action.PLAYBACK, "gate", now_us=NOW, start_us=NOW - HOUR_US, end_us=NOW)
    narrow = decide(asker(Role.SUPERVISOR), case(), TABLE, NOW).granted()

    def playback(start_us: int, end_us: int) -> None:
        grant.require(Action.PLAYBACK, "gate", now_us=NOW, start_us=start_us, end_us=end_us)

    refusals: list[Callable[[], None]] = [
        lambda: grant.require(Action.LIVE, "gate", now_us=grant.expires_us),
        lambda: grant.require(Action.LIVE, "gate", now_us=NOW - 3 * MINUTE),
        lambda: narrow.require(Action.LIVE, "gate", now_us=NOW),
        lambda: grant.require(Action.LIVE, "town-hall", now_us=NOW),
        lambda: playback(grant.from_us - 1, NOW),
        lambda: playback(NOW, NOW + 2 * HOUR_US),
    ]
    for refuse in refusals:
        with pytest.raises(Refused):
            refuse()


def test_a_grant_holds_to_the_microsecond() -> None:
    grant = decide(asker(Role.OPERATOR), duty(), TABLE, NOW).granted()
    assert grant.to_us == grant.expires_us
    grant.require(Action.LIVE, "gate", now_us=grant.expires_us - 1)
    with pytest.raises(Refused, match="ended"):
        grant.require(Action.LIVE, "gate", now_us=grant.expires_us)
    early = NOW - 2 * MINUTE
    grant.require(Action.LIVE, "gate", now_us=early)
    with pytest.raises(Refused, match="clock is wrong"):
        grant.require(Action.LIVE, "gate", now_us=early - 1)
    grant.require(Action.PLAYBACK, "gate", now_us=NOW, start_us=grant.from_us, end_us=grant.to_us)
    for start_us, end_us in ((grant.from_us - 1, grant.to_us), (grant.from_us, grant.to_us + 1)):
        with pytest.raises(Refused, match="covers"):
            grant.require(Action.PLAYBACK, "gate", now_us=NOW, start_us=start_us, end_us=end_us)
    assert "mint" not in repr(grant)


def test_nobody_else_makes_a_grant() -> None:
    grant = decide(asker(Role.OPERATOR), duty(), TABLE, NOW).granted()
    with pytest.raises(TypeError, match="made by"):
        msgspec.structs.replace(grant, mint=_Mint())
    with pytest.raises(ValueError, match="span"):
        msgspec.structs.replace(grant, to_us=grant.from_us)
    assert isinstance(msgspec.structs.replace(grant, mint=MINT), Grant)
    assert not Decision(None, "r", "why", "what", "v").allowed
