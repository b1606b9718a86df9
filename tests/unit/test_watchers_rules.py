"""Each detector: what it flags, what it leaves alone."""

from collections.abc import Iterable, Sequence

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US
from belvedere.hub.watchers.acts import Act, ActReader, Deed
from belvedere.hub.watchers.blind import Blinder
from belvedere.hub.watchers.findings import Detector, Finding, People
from belvedere.hub.watchers.habits import (
    ApproverPairs,
    CaseTiming,
    DwellingLook,
    OffShift,
    UnreviewedGlass,
    Volume,
)
from belvedere.hub.watchers.repeats import DeclaredConflict, RepeatPlace, RepeatSubject

T = 1_780_012_800_000_000
BLINDER = Blinder(b"k" * 32)
NOBODY = People()


def judged(detector: Detector, acts: Iterable[Act], people: People = NOBODY) -> list[Finding]:
    return [finding for act in acts for finding in detector.see(act, people)]


def searched(person: str, words: str, at_us: int, case: str = "") -> Act:
    return Act(0, at_us, Deed.SEARCH, person, case, (), BLINDER.subjects(words), BLINDER.mentions(words))


def looked(person: str, camera: str, at_us: int, case: str = "") -> Act:
    return Act(0, at_us, Deed.REPLAY, person, case, (camera,))


def opened(person: str, case: str, at_us: int) -> Act:
    return Act(0, at_us, Deed.CASE_OPENED, person, case)


def closed(person: str, case: str, at_us: int) -> Act:
    return Act(0, at_us, Deed.CASE_CLOSED, person, case)


def approved(asker: str, approver: str, at_us: int) -> Act:
    return Act(0, at_us, Deed.APPROVAL, approver, other=asker)


def test_the_florida_pattern_is_flagged_by_the_third_search() -> None:
    """69 + 24 + 15 searches for one family, the words spelt in different ways."""
    spellings = ("KT19 FLO", "kt19flo", "where is KT19-FLO")
    found: list[tuple[int, Finding]] = []
    rule = RepeatSubject()
    for number in range(69):
        act = searched("user_a", spellings[number % 3], T + number * 19 * HOUR_US)
        found += [(number + 1, each) for each in rule.see(act, NOBODY)]
    assert found[0][0] == 3 and found[0][1].person == "user_a" and "3 times" in found[0][1].text
    assert "user_a" not in found[0][1].text and "KT19" not in repr(found[0][1])


def test_a_search_in_a_case_that_others_work_on_is_no_repeat() -> None:
    shared = [opened("user_b", "C1", T), *(searched("user_a", "AB12 CDE", T + day * DAY_US, "C1") for day in range(5))]
    assert judged(RepeatSubject(), shared) == []
    own = [opened("user_a", "C1", T), *(searched("user_a", "AB12 CDE", T + hour * HOUR_US, "C1") for hour in range(5))]
    assert judged(RepeatSubject(), own) == []  # one day's work in one's own case
    own += [searched("user_a", "AB12 CDE", T + day * DAY_US, "C1") for day in (1, 2)]
    assert len(judged(RepeatSubject(), own)) == 1
    whole_team = [searched(f"user_{n}", "red van", T + n * HOUR_US) for n in range(3)]
    assert judged(RepeatSubject(), [*whole_team, *(searched("user_a", "red van", T + DAY_US) for _ in range(4))]) == []


def test_a_place_is_flagged_by_the_third_day_only_when_colleagues_do_not_look_there() -> None:
    people = People({f"user_{n}": "operator" for n in range(9)}, places={f"p{n}": f"place {n}" for n in range(40)})
    work = [
        looked(f"user_{n}", f"p{(n * 7 + look * 3 + day) % 20}", T + day * DAY_US + look)
        for day in range(20)
        for n in range(9)
        for look in range(4)
    ]
    gate = [looked(f"user_{n}", "p0", T + day * DAY_US + 9) for day in range(20) for n in range(9)]
    quiet = [looked("user_3", "p39", T + day * DAY_US + 5) for day in (4, 9, 15)]
    acts = sorted([*work, *gate, *quiet], key=lambda act: act.time_us)
    found = judged(RepeatPlace(), acts, people)
    assert [(each.person, each.facts["place"], each.facts["days"]) for each in found] == [("user_3", "place 39", 3)]


def test_what_was_declared_is_found_in_other_words_and_kept_nowhere() -> None:
    people = People(
        places={"c1": "Alder Way"},
        conflicts={"user_a": BLINDER.declared("14 Alder Way") | BLINDER.declared("ab12 cde")},
        street_blinds={"Alder Way": BLINDER.declared("Alder Way")},
    )
    own = judged(DeclaredConflict(), [searched("user_a", "man at 14, Alder Way!", T)], people)
    other = judged(DeclaredConflict(), [searched("user_b", "AB12CDE", T)], people)
    street = judged(DeclaredConflict(), [looked("user_a", "c1", T), looked("user_b", "c1", T)], people)
    assert [each.facts["own"] for each in own + other + street] == [True, False, True]
    assert judged(DeclaredConflict(), [searched("user_b", "15 Alder Close", T)], people) == []
    assert "alder" not in repr(people.conflicts).casefold()
    assert BLINDER.declared("14 Alder Way") != Blinder(b"j" * 32).declared("14 Alder Way")


def test_off_shift_is_judged_by_the_roster_with_an_hours_grace() -> None:
    shift = (T + 8 * HOUR_US, T + 16 * HOUR_US)
    people = People(shifts={"user_a": (shift,)})
    times = (T + 7 * HOUR_US + MINUTE_US, T + 12 * HOUR_US, T + 16 * HOUR_US + 59 * MINUTE_US, T + 20 * HOUR_US)
    found = judged(OffShift(), [looked("user_a", "c", at) for at in times], people)
    assert [each.time_us for each in found] == [times[-1]]
    assert judged(OffShift(), [looked("user_b", "c", times[-1])], people) == []  # has no roster


def test_volume_is_against_the_teams_median() -> None:
    people = People({f"user_{n}": "operator" for n in range(5)})
    usual = [looked(f"user_{n}", "c", T + d * DAY_US + k) for d in range(10) for n in range(5) for k in range(12)]
    much = [looked("user_2", "c", T + 11 * DAY_US + k) for k in range(60)]
    found = judged(Volume(), [*usual, *much], people)
    assert [(each.person, each.facts["count"]) for each in found] == [("user_2", 37)]


def test_cases_made_to_fit() -> None:
    def one(name: str, at_us: int) -> list[Act]:
        return [opened("user_a", name, at_us), looked("user_a", "c", at_us + 2 * MINUTE_US, name)]

    quick = [*one("C1", T), closed("user_a", "C1", T + 5 * MINUTE_US)]
    assert len(judged(CaseTiming(), quick)) == 1
    with_others = [
        *one("C1", T),
        looked("user_b", "c", T + 3 * MINUTE_US, "C1"),
        closed("user_a", "C1", T + 5 * MINUTE_US),
    ]
    assert judged(CaseTiming(), with_others) == []
    alone = [act for number in range(4) for act in one(f"C{number}", T + 2 * number * DAY_US)]
    assert len(judged(CaseTiming(), alone)) == 1
    joined = [Act(0, T + 2 * n * DAY_US + HOUR_US, Deed.CASE_JOINED, "user_b", f"C{n}") for n in range(4)]
    assert judged(CaseTiming(), sorted([*alone, *joined], key=lambda act: act.time_us)) == []


def test_one_approver_for_one_person_unless_the_roster_explains_it() -> None:
    def month(pick: Sequence[str]) -> list[Act]:
        others = [
            approved(f"user_{n}", pick[day % len(pick)] if n else "boss_1", T + day * DAY_US + n)
            for day in range(24)
            for n in range(4)
        ]
        return others

    assert [each.person for each in judged(ApproverPairs(), month(["boss_2", "boss_3", "boss_4", "boss_5"]))] == [
        "user_0"
    ]
    assert judged(ApproverPairs(), month(["boss_1"])) == []  # alone on duty: gives it to everybody


def test_dwelling_and_break_glass() -> None:
    held = [Act(0, T + n, Deed.DWELLING, "user_a", cameras=("c",)) for n in range(3)]
    assert len(judged(DwellingLook(), held, People(places={"c": "Flat roofs"}))) == 1
    rule = UnreviewedGlass()
    judged(rule, [Act(7, T, Deed.GLASS, "user_a", about="g1"), Act(8, T, Deed.GLASS, "user_a", about="g2")])
    judged(rule, [Act(9, T + HOUR_US, Deed.GLASS_REVIEWED, "user_b", about="g2")])
    assert list(rule.pass_time(T + DAY_US - 1)) == []
    late = list(rule.pass_time(T + DAY_US))
    assert [each.facts["break_glass"] for each in late] == ["g1"]
    assert late[0].matter == "break_glass.overdue:g1", "what the approvals desk tells of is the same matter, told once"
    assert list(rule.pass_time(T + 2 * DAY_US)) == []


def test_entries_are_read_with_the_case_of_their_grant() -> None:
    reader = ActReader(BLINDER)
    reader.read(0, T, "grant.issued", "user_a", {"grant": "g", "case": "C9", "cameras": ["c"]})
    act = reader.read(1, T, "view.playback", "user_a", {"grant": "g", "camera": "c", "start_us": 1, "end_us": 2})
    assert act is not None and (act.case, act.cameras, act.deed) == ("C9", ("c",), Deed.REPLAY)
    search = reader.read(2, T, "search.made", "user_a", {"words": "red van AB12 CDE", "case": "C1"})
    assert search is not None and search.subjects == BLINDER.subjects("ab12cde") and search.case == "C1"
    assert reader.read(3, T, "ticket.noted", "user_a", {}) is None
    joined = reader.read(4, T, "case.person_added", "boss", {"case": "C1", "user": "user_b"})
    assert joined is not None and joined.person == "user_b"
