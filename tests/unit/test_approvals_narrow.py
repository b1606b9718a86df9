"""What a request would open, and how it could open less: pure functions."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import HOUR_US, MINUTE_US
from belvedere.foundation.errors import BadInput, Unavailable
from belvedere.hub.access.users import User, team_of
from belvedere.hub.approvals.ask import Wanted, asked_sha256, require_words
from belvedere.hub.approvals.changes import MOST_EACH, Changes
from belvedere.hub.approvals.exposure import exposure, round_125
from belvedere.hub.approvals.narrow import PAD_US, Busy, movement_of, suggest
from belvedere.hub.approvals.people import Approver, sentence
from belvedere.hub.approvals.sight import sees
from belvedere.hub.approvals.weighing import basis_of
from belvedere.hub.register.cameras import Camera
from belvedere.policy.grant import Action

T0 = 1_780_000_000_000_000
NINE = tuple(f"c{number}" for number in range(9))
WANTED = Wanted(
    purpose="investigation",
    case="ASB-1",
    cameras=NINE,
    from_us=T0,
    to_us=T0 + 2 * HOUR_US,
    actions=(Action.EXPORT, Action.PLAYBACK),
    lasts_us=8 * HOUR_US,
    reason="the broken door",
)
NOW = T0 + 24 * HOUR_US
names = st.sets(st.sampled_from(NINE), min_size=1).map(lambda found: tuple(sorted(found)))


def user(name: str, role: str = "supervisor", team: str = "") -> User:
    return User(name, name.lower(), name, role, True, False, 0, True, frozenset({role}), team=team)


def nobody_knows(_camera: str) -> bool | None:
    return None


def test_two_of_nine_cameras_saw_movement() -> None:
    busy = {camera: Busy((), 0) for camera in NINE}
    busy["c3"] = Busy(((T0 + HOUR_US, T0 + HOUR_US + 3 * MINUTE_US),), 180)
    busy["c5"] = Busy(((T0 + HOUR_US + 5 * MINUTE_US, T0 + HOUR_US + 9 * MINUTE_US),), 200)
    found = {each.id: each for each in suggest(WANTED, busy, nobody_knows, NOW)}
    assert found["moved"].text == "These 2 of 9 cameras saw movement then"
    assert found["moved"].wanted == replace(WANTED, cameras=("c3", "c5"))
    both = found["moved-and-when"].wanted
    assert both.cameras == ("c3", "c5")
    assert (both.from_us, both.to_us) == (T0 + HOUR_US - PAD_US, T0 + HOUR_US + 9 * MINUTE_US + PAD_US)
    assert found["look-first"].wanted.actions == (Action.PLAYBACK,)
    assert found["hour"].wanted.lasts_us == HOUR_US


def test_a_camera_of_which_nothing_is_known_is_never_dropped_for_want_of_movement() -> None:
    busy = {camera: Busy((), 0) for camera in NINE if camera != "c7"}
    found = {each.id: each for each in suggest(WANTED, busy, nobody_knows, NOW)}
    assert found["moved"].wanted.cameras == ("c7",) and "saw none" in found["moved"].text
    assert "moved-and-when" not in found and "when" not in found


def test_cameras_that_do_not_see_the_place_can_be_left_out() -> None:
    found = {each.id: each for each in suggest(WANTED, {}, lambda camera: camera in ("c1", "c2"), NOW)}
    assert found["place"].wanted.cameras == ("c1", "c2")
    looking = Camera("gate", "main", "Gate", lat=51.5, lon=-0.1, bearing_deg=0.0, fov_deg=90.0, range_m=40.0)
    assert sees(looking, (-0.1, 51.5 + 0.0002)) is True  # 22 m north of it
    assert sees(looking, (-0.1, 51.5 - 0.0002)) is False
    assert sees(looking, (-0.1, 51.5 + 0.001)) is False
    assert sees(looking, None) is None
    assert sees(Camera("gate", "main", "Gate", lat=51.5, lon=-0.1), (-0.1, 51.5)) is None


@given(
    moved=st.dictionaries(
        st.sampled_from(NINE),
        st.none() | st.lists(st.tuples(st.integers(0, 119), st.integers(1, 10)), max_size=3),
    ),
    near=st.none() | names,
    actions=st.sets(st.sampled_from([Action.PLAYBACK, Action.EXPORT, Action.LIVE]), min_size=1),
)
def test_every_suggestion_opens_less_and_nothing_else(
    moved: dict[str, list[tuple[int, int]] | None], near: tuple[str, ...] | None, actions: set[Action]
) -> None:
    def spans(minutes: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        return tuple(
            sorted(
                (T0 + start * MINUTE_US, min(WANTED.to_us, T0 + (start + long) * MINUTE_US)) for start, long in minutes
            )
        )

    wanted = replace(WANTED, actions=tuple(sorted(actions)))
    busy = {camera: Busy(None, None) if each is None else Busy(spans(each), 1) for camera, each in moved.items()}
    looks = nobody_knows if near is None else lambda camera: camera in near
    found = suggest(wanted, busy, looks, NOW)
    assert len({each.id for each in found}) == len(found)
    for each in found:
        assert each.wanted.within(wanted) and each.wanted != wanted
        assert each.wanted.camera_hours <= wanted.camera_hours


def test_a_narrowed_ask_changes_only_what_an_approver_may_change() -> None:
    assert WANTED.within(WANTED)
    for changed in (
        {"cameras": ("c1", "elsewhere")},
        {"cameras": ()},
        {"actions": (Action.LIVE,)},
        {"actions": ()},
        {"from_us": T0 - 1},
        {"to_us": WANTED.to_us + 1},
        {"from_us": WANTED.to_us},
        {"lasts_us": WANTED.lasts_us + 1},
        {"lasts_us": 0},
        {"case": "ASB-2"},
        {"purpose": "duty"},
        {"reason": "another"},
        {"recipient": "the press"},
        {"renews": "grant_x"},
    ):
        assert not replace(WANTED, **changed).within(WANTED), changed
        assert asked_sha256("r", "u", WANTED) != asked_sha256("r", "u", replace(WANTED, **changed))
    assert asked_sha256("r", "u", WANTED) != asked_sha256("r", "v", WANTED)


def test_strips_that_say_too_little_say_nothing() -> None:
    end = T0 + 4 * MINUTE_US
    busy = movement_of(bytes([1, 200, 200, 1]), bytes(4), True, T0, end)
    assert busy.moved == ((T0 + MINUTE_US, T0 + 3 * MINUTE_US),) and busy.moved_s == 120
    assert movement_of(bytes([0, 0, 0, 200]), bytes(4), True, T0, end).moved is None
    assert movement_of(bytes([1, 200, 200, 1]), bytes(4), False, T0, end).moved is None  # sizes that say nothing
    assert movement_of(bytes([1, 200, 1, 1]), bytes([9] * 4), False, T0, end).moved_s == 60
    assert movement_of(b"", b"", True, T0, end).moved is None


def test_an_estimate_is_wide_rounded_and_silent_about_what_it_does_not_know() -> None:
    told = exposure({"a": 300, "b": None}, {"a": 42.0})
    assert (told.low, told.high) == (2, 50)  # middle: 300 s x 1.4 m/s / 42 m = 10
    assert "1 of 2 cameras" in told.text and "third" in told.method
    assert exposure({"a": None}, {}).low is None and exposure({}, {}).high is None
    assert exposure({"a": 0}, {}).text.startswith("Nobody, as far as")
    for value, down, up in ((0.0, 0, 0), (0.4, 0, 1), (1, 1, 1), (3, 2, 5), (499, 200, 500), (7000, 5000, 10000)):
        assert (round_125(value, up=False), round_125(value, up=True)) == (down, up)


def test_what_is_still_to_come_is_judged_by_the_day_before() -> None:
    live = replace(WANTED, from_us=NOW, to_us=NOW + HOUR_US)
    from_us, to_us, words = basis_of(live, NOW)
    assert (from_us, to_us) == (NOW - 24 * HOUR_US, NOW - 23 * HOUR_US) and words
    assert basis_of(WANTED, NOW) == (WANTED.from_us, WANTED.to_us, "")
    assert basis_of(replace(WANTED, to_us=NOW + HOUR_US), NOW)[:2] == (T0, NOW)


def test_who_can_decide_in_a_sentence() -> None:
    dana, sam, kim = user("Dana"), user("Sam"), user("Kim")
    told = sentence([Approver(dana, False, True), Approver(sam, True, True), Approver(kim, False, False)])
    assert told == "Dana and Sam can decide now; Sam is on call."
    assert sentence([Approver(sam, True, False)]) == "Sam is on call and can be reached by phone."
    assert sentence([Approver(kim, False, False)]).endswith("Kim may.")
    assert "manager" in sentence([])
    assert team_of(user("Ann", "operator")) == "operator" and team_of(user("Ann", team=" Nights ")) == "nights"


def test_a_reason_is_more_than_a_word() -> None:
    assert require_words("  the  broken   door ") == "the broken door"
    with pytest.raises(BadInput):
        require_words("urgent")


async def test_a_change_wakes_those_whom_it_concerns_and_only_so_many_wait() -> None:
    changes = Changes(100)
    assert changes.since(100, "ann", sees_all=False) == (False, [])
    assert changes.since(7, "ann", sees_all=False) == (True, [])  # of an earlier run
    waits = [
        asyncio.create_task(changes.wait(100, "ann", sees_all=False, wait_s=20)),
        asyncio.create_task(changes.wait(100, "sam", sees_all=True, wait_s=20)),
    ]
    while changes.waiting < 2:
        await asyncio.sleep(0)
    changes.tell("request_bob", "bob")
    assert await waits[1] == (True, ["request_bob"])
    assert not waits[0].done()
    changes.tell("request_ann", "ann")
    assert await waits[0] == (True, ["request_ann"])
    assert await changes.wait(changes.seq, "ann", sees_all=False, wait_s=0) == (False, [])
    crowd = [asyncio.create_task(changes.wait(changes.seq, "ann", sees_all=False, wait_s=20)) for _ in range(MOST_EACH)]
    while changes.waiting < MOST_EACH:
        await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await changes.wait(changes.seq, "ann", sees_all=False, wait_s=20)
    changes.tell("request_ann", "ann")
    await asyncio.gather(*crowd)
    assert changes.waiting == 0
    for number in range(600):
        changes.tell(f"request_{number}", "ann")
    assert changes.since(101, "ann", sees_all=False) == (True, [])  # too far behind: read all
