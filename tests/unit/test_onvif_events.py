"""What cameras report: which of it is kept, and when it is news."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.site.onvif.events import Changes, EventKind, Notice, read_notices, topic_path
from belvedere.site.onvif.markup import parse

NOW = 1_790_000_000 * SECOND_US


def message(topic: str, item: str, value: str, operation: str = "Changed", when: str = "2026-09-21T08:00:00Z") -> bytes:
    return (
        f"<r><NotificationMessage><Topic>{topic}</Topic><Message><tt:Message xmlns:tt='t' UtcTime='{when}' "
        f"PropertyOperation='{operation}'><tt:Source><tt:SimpleItem Name='Token' Value='in-1'/></tt:Source>"
        f"<tt:Data><tt:SimpleItem Name='{item}' Value='{value}'/></tt:Data></tt:Message></Message>"
        "</NotificationMessage></r>"
    ).encode()


@pytest.mark.parametrize(
    ("topic", "item", "value", "kind", "active"),
    [
        ("tns1:RuleEngine/CellMotionDetector/Motion", "IsMotion", "true", EventKind.MOTION, True),
        ("tns1:RuleEngine/tns1:CellMotionDetector/tns1:Motion", "IsMotion", "0", EventKind.MOTION, False),
        ("tns1:VideoSource/MotionAlarm/.", "State", "1", EventKind.MOTION, True),
        ("tns1:VideoSource/ImageTooDark/ImagingService", "State", "True", EventKind.TAMPER, True),
        ("tns1:RuleEngine/TamperDetector/Tamper", "IsTamper", "false", EventKind.TAMPER, False),
        ("tns1:Device/Trigger/DigitalInput", "LogicalState", "active", EventKind.INPUT, True),
    ],
)
def test_topics_that_are_kept(topic: str, item: str, value: str, kind: EventKind, active: bool) -> None:
    (notice,), others = read_notices(parse(message(topic, item, value)))
    assert (notice.kind, notice.active, notice.initial, others) == (kind, active, False, 0)
    assert notice.source.startswith("in-1") and notice.camera_us == 1_789_977_600 * SECOND_US


@pytest.mark.parametrize(
    ("topic", "item"),
    [
        ("tns1:RuleEngine/Recognition/Face", "State"),
        ("tns1:VideoAnalytics/FaceDetection", "State"),
        ("tns1:RuleEngine/ObjectDetection/Human", "State"),
        ("tns1:RuleEngine/LicensePlate", "State"),
        ("tns1:VideoSource/MotionAlarmFace", "State"),
        ("tns1:Monitoring/ProcessorUsage", "Value"),
        ("", "State"),
    ],
)
def test_what_is_said_of_people_is_not_kept(topic: str, item: str) -> None:
    assert read_notices(parse(message(topic, item, "true"))) == ([], 1)


def test_messages_that_say_nothing() -> None:
    assert read_notices(parse(message("tns1:VideoSource/MotionAlarm", "State", "maybe"))) == ([], 1)
    assert read_notices(parse(message("tns1:VideoSource/MotionAlarm", "Other", "true"))) == ([], 1)
    bare = b"<r><NotificationMessage><Topic>tns1:VideoSource/MotionAlarm</Topic></NotificationMessage></r>"
    assert read_notices(parse(bare)) == ([], 1)
    (notice,), _ = read_notices(parse(message("tns1:VideoSource/MotionAlarm", "State", "true", when="yesterday")))
    assert notice.camera_us is None
    assert topic_path(" a:b/c:d/. ") == "b/d"


def notice(active: bool, *, initial: bool = False, source: str = "s") -> Notice:
    return Notice(EventKind.MOTION, source, active, initial, None)


def test_only_changes_are_events() -> None:
    changes = Changes()
    assert not changes.note(notice(False, initial=True), NOW)
    assert changes.note(notice(True), NOW) and not changes.note(notice(True), NOW)
    assert not changes.note(notice(True, initial=True), NOW)  # told again after a renewal
    assert changes.note(notice(False, initial=True), NOW)  # it ended while the connection was lost
    assert not changes.note(notice(True, initial=True, source="other"), NOW)  # state, but no news
    assert changes.note(notice(False, source="other"), NOW)
    assert not changes.note(notice(False, source="third"), NOW)  # the end of something that never began


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), max_size=200))
def test_events_of_a_source_alternate(told: list[tuple[bool, bool, int]]) -> None:
    changes, kept = Changes(), dict[str, list[bool]]()
    for active, initial, source in told:
        if changes.note(notice(active, initial=initial, source=str(source)), NOW):
            kept.setdefault(str(source), []).append(active)
    for states in kept.values():
        assert all(before != after for before, after in itertools.pairwise(states))


def test_a_fluttering_sensor_is_bounded_and_counted() -> None:
    changes = Changes()
    kept = sum(changes.note(notice(bool(n % 2 == 0)), NOW) for n in range(1000))
    assert kept == 60 and changes.dropped == 940
    assert changes.note(notice(True), NOW + MINUTE_US)
    flood = Changes()
    for n in range(1000):
        flood.note(notice(True, source=str(n)), NOW + n * MINUTE_US)
    assert flood.dropped == 1000 - 256
