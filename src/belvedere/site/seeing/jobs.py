"""Spans that somebody wants analysed: durable, one after the other, behind passing pictures.

The index remembers how far they are.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import NotFound, Refused, StorageFault, Unavailable
from belvedere.link.seeing import AnalyseSpan, Analysis
from belvedere.policy.grant import Grant
from belvedere.site.activity.answers import Opener
from belvedere.site.seeing.budget import Budget
from belvedere.site.seeing.coverage import Coverage
from belvedere.site.seeing.store import SeenStore, statements
from belvedere.site.seeing.stored import StoredSeeing, Work, words

log = structlog.get_logger()

_WAIT_S = 5.0
_AWAY_S = 10.0  # while nothing can look
_KEPT_US = 40 * DAY_US  # rows of jobs that are over

Idle = Callable[[Callable[[int], bool]], bool]
"""What is done when no job waits; False when there is nothing either. Raises as StoredSeeing.look."""


@dataclass(frozen=True, slots=True)
class _Span:
    """One row of the table."""

    job: str
    camera: str
    camera_id: int
    from_us: int
    to_us: int
    detail: int
    fps: float
    done_us: int
    found: int
    grant: bytes

    @property
    def key(self) -> dict[str, object]:
        return {
            "job": self.job,
            "camera_id": self.camera_id,
            "from_us": self.from_us,
            "to_us": self.to_us,
            "detail": self.detail,
        }


class Jobs:
    """One thread works; `put`, `end` and `analysis` are called from others."""

    def __init__(
        self,
        store: SeenStore,
        stored: StoredSeeing,
        coverage: Coverage,
        budget: Budget,
        opener: Opener,
        clock: Clock,
        live_waits: Callable[[], bool],
        standing: Callable[[str, int, int], Grant | None],
        idle: Idle,
    ) -> None:
        """`live_waits`: whether passing pictures wait. `standing` gives the site's own grant for a span, where it has one."""
        self._store = store
        self._stored = stored
        self._coverage = coverage
        self._budget = budget
        self._opener = opener
        self._clock = clock
        self._live_waits = live_waits
        self._standing = standing
        self._idle = idle
        self._wake = threading.Event()
        self._stopping = False
        self._changed = 0  # counts orders from outside: what runs looks up whether it still may
        self._thread: threading.Thread | None = None
        self._begun_us = 0
        self._footage_us = 0  # of footage done since then
        self.away = ""  # why nothing can look now

    def start(self) -> None:
        self._thread = threading.Thread(target=self._main, name="seeing-jobs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread at the next picture. Blocks until it is done."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def pace(self) -> float:
        """Seconds of footage done in a second, lately; 0 before any."""
        spent_us = self._clock.monotonic_us() - self._begun_us
        return self._footage_us / spent_us if self._begun_us and spent_us > 0 else 0.0

    def put(self, request: AnalyseSpan) -> None:
        """Take a span in. Raises StorageFault."""
        values = {
            "job": request.job,
            "camera": request.camera,
            "from_us": request.from_us,
            "to_us": request.to_us,
            "detail": request.detail,
            "fps": request.fps,
            "asked_us": self._clock.now_us(),
            "grant": request.grant,
        }
        with self._store.index.write() as db:
            db.execute(statements()["old_jobs"], {"before_us": self._clock.now_us() - _KEPT_US})
            db.execute(statements()["put_job"], values)
            db.execute(statements()["go_on_jobs"], {"job": request.job})
        self._wake.set()

    def end(self, job: str, *, pause: bool) -> None:
        """Stop a job, or pause it until it is asked for again. Raises NotFound, StorageFault."""
        self._rows(job)
        with self._store.index.write() as db:
            db.execute(statements()["set_jobs"], {"job": job, "state": "paused" if pause else "ended"})
        self._changed += 1

    def analysis(self, job: str) -> Analysis:
        """How far a job is. Raises NotFound."""
        rows = self._rows(job)
        wanted = done = found = 0
        for camera, from_us, to_us, _detail, _state, done_us, count, _message in rows:
            stream = self._coverage.stream(camera, from_us, to_us)
            if stream is not None:
                wanted += self._coverage.count(stream[1], from_us, to_us).recorded
                if done_us > from_us:
                    done += self._coverage.count(stream[1], from_us, min(done_us, to_us)).recorded
            found += count
        states = {row[4] for row in rows}
        over = {"ended": "done"}
        state = next(
            (
                over.get(each, each)
                for each in ("running", "waiting", "paused", "failed", "ended", "done")
                if each in states
            ),
            "done",
        )
        if state == "waiting" and "done" in states:
            state = "running"
        left_s = -1
        if state in ("running", "waiting") and self.pace > 0:
            left_s = round((wanted - done) / self.pace)
        text = next((row[7] for row in rows if row[7]), "") or (self.away if state in ("running", "waiting") else "")
        return Analysis(job, state, wanted, done, 0 if state == "done" else left_s, found, text)

    def _rows(self, job: str) -> list[tuple[str, int, int, int, str, int, int, str]]:
        rows = self._store.index.read().execute(statements()["job"], {"job": job}).fetchall()
        if not rows:
            raise NotFound("This site knows no such job.", advice="Ask for the analysis again.")
        return rows

    # The thread.

    def _main(self) -> None:
        while not self._stopping:
            wait_s = 0.0
            try:
                if not self.step():
                    wait_s = _WAIT_S
                self.away = ""
            except Unavailable as error:
                self.away, wait_s = words(error), _AWAY_S
            except StorageFault as error:
                log.error("analysis_not_kept", error=str(error))
                wait_s = _AWAY_S
            if wait_s:
                self._begun_us = self._footage_us = 0
                self._wake.wait(wait_s)
                self._wake.clear()

    def step(self) -> bool:
        """Work on the next span; False when there is nothing to do. Raises Unavailable, StorageFault."""
        row = self._store.index.read().execute(statements()["next_job"]).fetchone()
        if row is None:
            return self._idle(self._go_on)
        self._work(_Span(*row))
        return True

    def _work(self, span: _Span) -> None:
        try:
            grant = self._opener.open(span.grant)
        except Refused as error:
            standing = self._standing(span.camera, span.from_us, span.to_us)
            if standing is None:
                self._keep(span, span.done_us, span.found, "failed", words(error))
                return
            grant = standing
        work = Work(grant, span.camera, max(span.from_us, span.done_us), span.to_us)
        changed = self._changed
        self._keep(span, span.done_us, span.found, "running", "")
        try:
            for each in self._stored.look(
                work, busiest=False, go_on=lambda cpu_us: self._go_on(cpu_us) and changed == self._changed
            ):
                done_us = max(span.done_us, each.done_us)
                self._footage_us = each.done_us - work.from_us if each.done_us else self._footage_us
                state = "done" if done_us >= span.to_us else "running"
                self._keep(span, done_us, span.found + each.events, state, each.trouble)
        except (Refused, NotFound) as error:
            self._keep(span, max(span.done_us, work.done_us), span.found + work.events, "failed", words(error))

    def _go_on(self, cpu_us: int) -> bool:
        """Spend, and wait while passing pictures wait or the share is used up. False: the site stops."""
        self._budget.spend(cpu_us)
        if not self._begun_us:
            self._begun_us = self._clock.monotonic_us()
        while not self._stopping and (self._live_waits() or not self._budget.may()):
            self._wake.wait(max(0.02, min(1.0, self._budget.wait_s())))
            self._wake.clear()
        return not self._stopping

    def _keep(self, span: _Span, done_us: int, found: int, state: str, message: str) -> None:
        values = span.key | {"done_us": done_us, "found": found, "state": state, "message": message}
        with self._store.index.write() as db:
            db.execute(statements()["grow_job"], values)
