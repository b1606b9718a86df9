"""Live rules at a site: rules from the hub, what is raised is kept and goes into the outbox, what only counts leaves no row."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from belvedere.foundation.clock import DAY_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import BadInput, Conflict, StorageFault
from belvedere.link import rules as link
from belvedere.link.health import Hint
from belvedere.link.rules import Alarm, GetRules, LiveRule, PutRules, RulesHeld
from belvedere.media.objects import ObjectKind
from belvedere.site.outbox.store import Outbox
from belvedere.site.rules.room import RuleRoom
from belvedere.site.rules.store import KEPT_US, RuleStore
from belvedere.site.storage.index import Index
from belvedere.vision.objects.found import Box, Detection

LINE = LiveRule("line", 1, "court", link.LINE, line=((0.5, 1.0), (0.5, 0.0)), cool_down_s=0.0)
DWELL = LiveRule("stay", 1, "court", link.DWELL, seconds=10.0, review_us=10**16)


class Picture:
    """What the health of pictures tells, set by a test."""

    def __init__(self) -> None:
        self.told: dict[str, tuple[Hint, ...]] = {}

    def hints(self, camera: str) -> tuple[Hint, ...]:
        return self.told.get(camera, ())


class Bench:
    """A site's rules over an index in a folder."""

    def __init__(self, folder: Path) -> None:
        self.clock = SimulatedClock()
        self.index = Index(folder / "index.db", self.clock)
        self.picture = Picture()
        self.open()

    def open(self) -> None:
        self.room = RuleRoom(RuleStore(self.index), self.picture, self.clock)
        self.answers = self.room.answers()

    def put(self, version: int, *rules: LiveRule) -> None:
        self.answers[PutRules](PutRules(version, rules))

    def held(self, after: int = 0) -> RulesHeld:
        held = self.answers[GetRules](GetRules(after))
        assert isinstance(held, RulesHeld)
        return held

    def walk(self, first: float = 0.3, last: float = 0.7, stream: str = "sub") -> None:
        for step in range(20):
            x = first + (last - first) * step / 19
            box = Box(x - 0.05, 0.4, x + 0.05, 0.6)
            self.clock.advance(SECOND_US // 2)
            self.room.on_sightings("court", stream, self.clock.now_us(), [Detection(ObjectKind.PERSON, 0.5, box)])


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.index.close()


def test_a_rule_raises_an_alarm_that_is_kept_and_told_once(bench: Bench) -> None:
    bench.put(1, LINE)
    bench.walk()
    (alarm,) = bench.held().alarms
    assert (alarm.number, alarm.rule, alarm.camera, alarm.object) == (1, "line", "court", ObjectKind.PERSON)
    assert bench.held(after=1).alarms == ()
    assert bench.held().newest == 1
    (count,) = bench.held().counts
    assert (count.raised, count.shadow, count.muted) == (1, 0, 0)
    assert bench.held().cameras[0].a_second == pytest.approx(2.0)


def test_an_alarm_is_in_the_outbox_in_the_lane_of_alerts(bench: Bench) -> None:
    outbox = Outbox(bench.index, bench.clock)
    outbox.begin(bytes(32))
    bench.put(1, LINE)
    bench.walk()
    batch = outbox.batch(0)
    assert batch is not None
    (record,) = batch.records
    assert record.kind == "rule_alarm"
    assert msgspec.json.decode(record.body, type=Alarm) == bench.held().alarms[0]


def test_in_its_shadow_time_a_rule_counts_and_leaves_no_alarm(bench: Bench) -> None:
    bench.put(1, msgspec.structs.replace(LINE, shadow_until_us=bench.clock.now_us() + DAY_US))
    bench.walk()
    assert bench.held().alarms == ()
    assert [(each.raised, each.shadow) for each in bench.held().counts] == [(0, 1)]


def test_rules_hold_after_a_restart_and_an_older_version_is_refused(bench: Bench) -> None:
    bench.put(2, LINE)
    bench.open()
    assert bench.room.cameras == {"court"}
    bench.put(2, LINE)
    with pytest.raises(Conflict):
        bench.put(1, LINE)
    with pytest.raises(Conflict):
        bench.put(2)
    bench.walk()
    assert len(bench.held().alarms) == 1
    bench.put(3)
    bench.walk()
    assert len(bench.held().alarms) == 1


def test_a_rule_about_people_who_stay_needs_a_date_of_review(bench: Bench) -> None:
    bench.put(1, DWELL)
    for unreviewed in (DWELL, LiveRule("crowd", 1, "court", link.CROWD, count=4)):
        with pytest.raises(BadInput, match="review"):
            bench.put(2, msgspec.structs.replace(unreviewed, review_us=0))
    cars = msgspec.structs.replace(DWELL, review_us=0, objects=(int(ObjectKind.CAR),))
    bench.put(2, cars)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "face"},
        {"line": ()},
        {"line": ((0.5, 0.5), (0.5, 0.5))},
        {"objects": (99,)},
        {"zone": ((0.1, 0.1), (0.2, 0.2))},
        {"zone_name": "Europe/Nowhere"},
        {"cool_down_s": 1e9},
        {"windows": (link.Window((), 0, 0),)},
        {"kind": link.COURT},
        {"kind": link.DWELL, "review_us": 1},
        {"kind": link.CROWD, "review_us": 1},
        {"kind": link.WRONG_WAY, "direction": 8},
        {"kind": link.TAMPER, "hints": ("gone",)},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(bench: Bench, wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        bench.put(1, msgspec.structs.replace(LINE, **wrong))


def test_two_streams_of_a_camera_tell_an_object_once(bench: Bench) -> None:
    bench.put(1, LINE)
    for step in range(20):
        x = 0.3 + 0.4 * step / 19
        found = [Detection(ObjectKind.PERSON, 0.5, Box(x - 0.05, 0.4, x + 0.05, 0.6))]
        bench.clock.advance(SECOND_US // 2)
        for stream in ("sub", "main"):
            bench.room.on_sightings("court", stream, bench.clock.now_us(), found)
        bench.room.on_sightings("unruled", "sub", bench.clock.now_us(), found)
    assert len(bench.held().alarms) == 1
    bench.clock.advance(60 * SECOND_US)
    bench.walk(stream="main")
    assert len(bench.held().alarms) == 2


def test_a_hint_that_lasts_is_tampering_and_a_lorry_that_passes_is_none(bench: Bench) -> None:
    bench.put(1, LiveRule("tamper", 1, "court", link.TAMPER))
    assert bench.room.cameras == frozenset()
    begun_us = bench.clock.now_us()
    bench.picture.told["court"] = (Hint("black", begun_us, "mean 2"),)
    told = []
    for _ in range(6):
        bench.room.look_at_hints()
        told.append(len(bench.held().alarms))
        bench.clock.advance(10 * SECOND_US)
    assert told == [0, 0, 1, 1, 1, 1]


def test_what_the_disk_refuses_is_kept_when_it_takes_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.put(1, LINE)

    def full(*_: object) -> None:
        raise StorageFault("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(RuleStore, "add", full)
        bench.walk()
    bench.room.keep()
    assert len(bench.held().alarms) == 1
    assert [each.raised for each in bench.held().counts] == [1]


def test_alarms_past_their_time_go_and_their_numbers_never_come_back(bench: Bench) -> None:
    bench.put(1, LINE)
    bench.walk()
    bench.clock.advance(KEPT_US + DAY_US)
    bench.walk()
    assert [each.number for each in bench.held().alarms] == [2]
    assert len(bench.held().counts) == 1


def test_stopping_keeps_what_was_counted(bench: Bench) -> None:
    bench.put(1, msgspec.structs.replace(LINE, shadow_until_us=10**16))
    bench.room.start()
    bench.walk()
    bench.room.stop()
    assert [each.shadow for each in RuleStore(bench.index).counts()] == [1]
