"""The site's live rules at work: sightings and the health of pictures in, alarms and counts out."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from belvedere.foundation.clock import DAY_US, MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import BadInput, StorageFault
from belvedere.foundation.ids import new_id
from belvedere.link.health import Hint
from belvedere.link.messages import Answer, Reply, Request
from belvedere.link.rules import TAMPER, Alarm, GetRules, LiveRule, PutRules, RulesHeld, Watched
from belvedere.site.rules.store import CountKey, RuleStore
from belvedere.vision.objects.found import Detection
from belvedere.vision.rules.engine import RuleEngine
from belvedere.vision.rules.raised import Raised
from belvedere.vision.rules.sound import unsound, watches_people_being_somewhere

log = structlog.get_logger()

_ROUND_S = 5.0  # between two looks at hints and two writes of counts
_SURE_US = 20 * SECOND_US  # a hint that lasted so long is no passing lorry
_STALE_US = 30 * SECOND_US  # after it another stream of a camera may take over
_MOST_WAITING = 500  # alarms that could not be kept yet; beyond it the oldest go, counted
_PACE = 20  # pictures over which their number a second is told


class Hints(Protocol):
    """What the health of a camera's picture tells. `site.health.Monitor`."""

    def hints(self, camera: str) -> tuple[Hint, ...]: ...


class _Camera:
    """One camera with rules."""

    __slots__ = ("engine", "seen", "stream")

    def __init__(self, rules: Sequence[LiveRule], aspect: float) -> None:
        self.engine = RuleEngine(rules, aspect)
        self.stream = ""
        self.seen: deque[int] = deque(maxlen=_PACE)


class RuleRoom:
    """One a site. `on_sightings` and the answers may be called from any thread.

    Invariant: nothing is raised by a rule that only counts; an alarm is in the index, and in the outbox, before it is told.
    """

    def __init__(self, store: RuleStore, hints: Hints, clock: Clock) -> None:
        self._store = store
        self._hints = hints
        self._clock = clock
        self._lock = threading.Lock()
        self._version, self._rules = store.rules()
        self._cameras: dict[str, _Camera] = {}
        self._alarms: deque[Alarm] = deque(maxlen=_MOST_WAITING)
        self._counts: dict[CountKey, tuple[int, int, int]] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.lost = 0  # alarms that could never be kept
        self._place()

    def start(self) -> None:
        """Begin to look at hints and to keep counts, in a thread."""
        self._thread = threading.Thread(target=self._main, name="rules", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and keep what was counted. Blocks."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._keep_quietly()

    def answers(self) -> Mapping[type[Request], Callable[[Any], Reply]]:
        """What `serve_link` is to answer with."""
        return {PutRules: self._put, GetRules: self._held}

    @property
    def cameras(self) -> frozenset[str]:
        """Cameras that have to be looked at live: those with rules about objects."""
        return frozenset(rule.camera for rule in self._rules if rule.kind != TAMPER)

    def on_sightings(
        self, camera: str, stream: str, time_us: int, detections: Sequence[Detection], aspect: float = 16 / 9
    ) -> None:
        """What was found in a live picture, the empty ones too, in time order. `aspect`: its width by its height."""
        with self._lock:
            watched = self._cameras.get(camera)
            if watched is None:
                return
            if watched.stream != stream:
                # One stream at a time: two would tell every object twice.
                if watched.seen and time_us - watched.seen[-1] < _STALE_US:
                    return
                watched.engine = RuleEngine(watched.engine.rules, aspect)
                watched.stream = stream
                watched.seen.clear()
            if watched.seen and time_us <= watched.seen[-1]:
                return
            watched.seen.append(time_us)
            self._note(watched.engine.see(time_us, detections))
            urgent = bool(self._alarms)
        if urgent:
            self._keep_quietly()

    def look_at_hints(self) -> None:
        """Take in what the health of pictures tells now."""
        now_us = self._clock.now_us()
        for camera in {rule.camera for rule in self._rules if rule.kind == TAMPER}:
            sure = {hint.kind for hint in self._hints.hints(camera) if now_us - hint.since_us >= _SURE_US}
            with self._lock:
                watched = self._cameras.get(camera)
                if watched is not None:
                    self._note(watched.engine.feel(now_us, frozenset(sure)))

    def keep(self) -> None:
        """Write what was raised and counted. Raises StorageFault; then it waits for the next time."""
        with self._lock:
            alarms, counts = list(self._alarms), self._counts
            if not alarms and not counts:
                return
            # Under the lock, so that an answer about counts never misses what is on its way.
            self._store.add(alarms, counts, self._clock.now_us())
            self._alarms.clear()
            self._counts = {}

    def _keep_quietly(self) -> None:
        try:
            self.keep()
        except StorageFault as error:  # the disk is full or failing: tried again in seconds
            log.warning("alarms_not_kept", waiting=len(self._alarms), error=str(error))

    def _main(self) -> None:
        while not self._stopping.wait(_ROUND_S):
            self.look_at_hints()
            self._keep_quietly()

    def _note(self, raised: Sequence[Raised]) -> None:
        for found in raised:
            rule = found.rule
            key = (rule.id, rule.version, found.time_us // DAY_US)
            told, shadow, muted = self._counts.get(key, (0, 0, 0))
            if found.muted:
                muted += 1
            elif found.shadow:
                shadow += 1
            else:
                told += 1
                self.lost += len(self._alarms) == _MOST_WAITING
                self._alarms.append(self._alarm(found))
            self._counts[key] = (told, shadow, muted)

    def _alarm(self, found: Raised) -> Alarm:
        rule = found.rule
        return Alarm(
            number=0,
            id=new_id("alarm", self._clock),
            rule=rule.id,
            version=rule.version,
            camera=rule.camera,
            kind=rule.kind,
            object=found.object,
            start_us=found.start_us,
            time_us=found.time_us,
            confidence=round(found.confidence, 3),
            box=found.box,
            words=found.words,
        )

    def _place(self) -> None:
        by_camera: dict[str, list[LiveRule]] = {}
        for rule in self._rules:
            by_camera.setdefault(rule.camera, []).append(rule)
        for camera in [camera for camera in self._cameras if camera not in by_camera]:
            del self._cameras[camera]
        for camera, rules in by_camera.items():
            if camera in self._cameras:
                self._cameras[camera].engine.put(rules)
            else:
                self._cameras[camera] = _Camera(rules, 16 / 9)

    def _put(self, request: PutRules) -> Reply:
        for rule in request.rules:
            if wrong := unsound(rule):
                raise BadInput(wrong, advice="Change the rule.")
            if watches_people_being_somewhere(rule) and not rule.review_us:
                raise BadInput(
                    "A rule about people who stay somewhere needs a date of review.", advice="Give one, and the reason."
                )
        with self._lock:
            if self._store.put(request.version, request.rules):
                self._version, self._rules = request.version, request.rules
                self._place()
        return Answer()

    def _held(self, request: GetRules) -> Reply:
        self._keep_quietly()
        with self._lock:
            cameras = tuple(
                Watched(camera, watched.seen[-1] if watched.seen else 0, _pace(watched.seen, self._clock.now_us()))
                for camera, watched in sorted(self._cameras.items())
            )
            version = self._version
        store = self._store
        return RulesHeld(version, store.counts(), store.alarms(request.after), cameras, store.newest())


def _pace(seen: "deque[int]", now_us: int) -> float:
    if len(seen) < 2 or now_us - seen[-1] > MINUTE_US:
        return 0.0
    return round((len(seen) - 1) * SECOND_US / (seen[-1] - seen[0]), 2)
