"""What cameras report: motion, tamper and digital inputs. Anything else, and above all what is said of people, is not kept.

Notifications are ONVIF Core 9.4 (WS-BaseNotification). Only changes count: a subscription begins with the present state of
everything (`Initialized`), which is no event unless it differs from what was known before the connection was lost.
"""

from dataclasses import dataclass
from enum import StrEnum

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.foundation.errors import CameraProtocol
from belvedere.site.onvif.markup import Node, shown
from belvedere.site.onvif.times import parse_time

_MOST_STATES = 256  # per camera
_MOST_A_MINUTE = 60  # per camera; a sensor that flutters fills no disk
WANTED_LIFETIME_US = 600 * SECOND_US
_LEAST_LIFETIME_US = 60 * SECOND_US


class EventKind(StrEnum):
    """What a camera may report."""

    MOTION = "motion"
    TAMPER = "tamper"
    INPUT = "input"


# Topic (without prefixes, from its root) to kind and the data item that tells the state.
_TOPICS: tuple[tuple[str, EventKind, tuple[str, ...]], ...] = (
    ("RuleEngine/CellMotionDetector/Motion", EventKind.MOTION, ("IsMotion",)),
    ("RuleEngine/MotionRegionDetector/Motion", EventKind.MOTION, ("State", "IsMotion")),
    ("VideoSource/MotionAlarm", EventKind.MOTION, ("State",)),
    ("VideoAnalytics/Motion", EventKind.MOTION, ("State", "IsMotion")),
    ("RuleEngine/TamperDetector/Tamper", EventKind.TAMPER, ("IsTamper",)),
    ("VideoSource/GlobalSceneChange", EventKind.TAMPER, ("State",)),
    ("VideoSource/ImageTooDark", EventKind.TAMPER, ("State",)),
    ("VideoSource/ImageTooBright", EventKind.TAMPER, ("State",)),
    ("VideoSource/ImageTooBlurry", EventKind.TAMPER, ("State",)),
    ("VideoSource/SignalLoss", EventKind.TAMPER, ("State",)),
    ("Device/Trigger/DigitalInput", EventKind.INPUT, ("LogicalState", "State")),
)
_TRUE = frozenset({"true", "1", "active", "on"})
_FALSE = frozenset({"false", "0", "inactive", "off"})


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification that concerns us. `camera_us` is None when the camera's time can't be read."""

    kind: EventKind
    source: str  # video source, rule or input, as the camera names it
    active: bool
    initial: bool
    camera_us: int | None


def topic_path(text: str) -> str:
    """A topic without its prefixes and without the dots that some firmware puts at its end."""
    steps = [step.rpartition(":")[2].strip() for step in text.strip().rstrip("/.").split("/")]
    return "/".join(step for step in steps if step)


def read_notices(reply: Node) -> tuple[list[Notice], int]:
    """The notices in PullMessagesResponse, oldest first, and how many messages were none of ours."""
    notices, others = [], 0
    for message in reply.all("NotificationMessage"):
        notice = _notice(message)
        if notice is None:
            others += 1
        else:
            notices.append(notice)
    return notices, others


def _notice(message: Node) -> Notice | None:
    topic = topic_path(message.value("Topic"))
    known = next(
        ((kind, names) for path, kind, names in _TOPICS if topic == path or topic.startswith(f"{path}/")), None
    )
    inner = next((node for node in message.all("Message") if "UtcTime" in node.attributes or node.children), None)
    while inner is not None and (deeper := inner.child("Message")) is not None:  # wsnt:Message holds tt:Message
        inner = deeper
    if known is None or inner is None:
        return None
    kind, names = known
    data = inner.child("Data")
    items = (
        {n.attributes.get("Name", ""): n.attributes.get("Value", "") for n in data.all("SimpleItem")} if data else {}
    )
    state = next((items[name].strip().lower() for name in names if name in items), None)
    if state not in _TRUE | _FALSE:
        return None
    source = inner.child("Source")
    named = [shown(n.attributes.get("Value", ""), 40) for n in source.all("SimpleItem")] if source else []
    try:
        camera_us: int | None = parse_time(inner.attributes.get("UtcTime", ""))
    except CameraProtocol:
        camera_us = None
    last = topic.rpartition("/")[2] if kind is EventKind.TAMPER else ""
    return Notice(
        kind=kind,
        source=shown("/".join(part for part in (*named, last) if part), 120),
        active=state in _TRUE,
        initial=inner.attributes.get("PropertyOperation", "") == "Initialized",
        camera_us=camera_us,
    )


class Changes:
    """Which notices of one camera are events: those that change a state. Counts what it drops."""

    def __init__(self) -> None:
        self.dropped = 0
        self._states: dict[tuple[EventKind, str], bool] = {}
        self._minute = -1
        self._count = 0

    def note(self, notice: Notice, arrival_us: int) -> bool:
        """Whether `notice` is an event to be kept."""
        key = (notice.kind, notice.source)
        before = self._states.get(key)
        if before is None and len(self._states) >= _MOST_STATES:
            self.dropped += 1
            return False
        self._states[key] = notice.active
        if before == notice.active or (before is None and (notice.initial or not notice.active)):
            return False
        minute = arrival_us // MINUTE_US
        if minute != self._minute:
            self._minute, self._count = minute, 0
        self._count += 1
        if self._count > _MOST_A_MINUTE:
            self.dropped += 1
            return False
        return True


def lifetime_us(asked_us: int, current: str, termination: str, camera_us: int) -> int:
    """How long a subscription really lives, from what the camera wrote, which is often wrong.

    Some ignore the time asked for, some write a CurrentTime in the wrong zone, some a TerminationTime that is past. Both
    the difference of the two and the time left by the clock as we measured it are looked at; the shorter that makes sense counts,
    and where none does, a minute, which every camera seen keeps.
    """
    try:
        end_us = parse_time(termination)
    except CameraProtocol:
        return _LEAST_LIFETIME_US
    left = [end_us - camera_us]
    try:
        left.append(end_us - parse_time(current))
    except CameraProtocol:
        pass
    sensible = [us for us in left if 10 * SECOND_US <= us <= asked_us + MINUTE_US]
    return min(sensible, default=_LEAST_LIFETIME_US)
