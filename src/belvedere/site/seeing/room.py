"""Seeing at a site, assembled: hears the gate, looks in the background, answers."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog

from belvedere.foundation.clock import MINUTE_US, Clock
from belvedere.foundation.errors import Unavailable
from belvedere.link.messages import Reply, Request
from belvedere.link.seeing import Seeing, SeeingCounts, SeenCamera
from belvedere.policy.grant import Grant
from belvedere.site.activity.answers import Opener
from belvedere.site.activity.decoder_pipe import Zones
from belvedere.site.activity.gate import Gate
from belvedere.site.activity.store import ActivityStore
from belvedere.site.recorder.archive import Archive
from belvedere.site.seeing.answers import SeeingAnswers
from belvedere.site.seeing.backlog import Backlog
from belvedere.site.seeing.begin import Beginner
from belvedere.site.seeing.bringing import Bringer
from belvedere.site.seeing.budget import Budget
from belvedere.site.seeing.coverage import Coverage
from belvedere.site.seeing.jobs import Jobs
from belvedere.site.seeing.live import LiveSeeing
from belvedere.site.seeing.process import NoModel, SeeingProcess
from belvedere.site.seeing.store import SeenStore
from belvedere.site.seeing.stored import StoredSeeing
from belvedere.site.storage.index import Index

log = structlog.get_logger()

_LOOK_S = 15.0  # between two looks whether there is a (new) model
_STATE_US = MINUTE_US  # how long the count of what waits holds

Masks = Callable[[str], Zones]


def no_grant(camera: str, from_us: int, to_us: int) -> Grant | None:
    """A site that was given no grant of its own."""
    return None


class SeeingRoom:
    """Make it before the gate starts, `start` it with the archive; `stop` before the index closes."""

    def __init__(
        self, index: Index, clock: Clock, models: Path, cpu_percent: int, retention_days: int, *, fetch: bool = False
    ) -> None:
        """`models`: folder of the site's models. `cpu_percent` of one core is what looking may take; 0 switches it off.

        `fetch`: get the default model in the background while there is none.
        """
        self.store = SeenStore(index)
        self.coverage = Coverage(self.store, clock)
        self.budget = Budget(clock, cpu_percent / 100)
        self.beginner = Beginner(models)
        self.bringer = Bringer(models, clock) if fetch and cpu_percent else None
        self.process = SeeingProcess(self.beginner.begin, clock)
        self.live = LiveSeeing(self.store, self.process, self.budget, clock)
        # Gives the site's own grant for analysis, of action `analyse`, where it was given one.
        self.standing: Callable[[str, int, int], Grant | None] = no_grant
        self.jobs: Jobs | None = None
        self._retention_days = retention_days
        self._backlog: Backlog | None = None
        self._on = cpu_percent > 0
        self._clock = clock
        self._activity = ActivityStore(index)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._told: tuple[int, tuple[SeenCamera, ...], int] | None = None

    def hear(self, gate: Gate) -> None:
        """Let the gate hand over what passes."""
        if self._on:
            gate.on_picture = self.live.picture

    def start(self, archive: Archive, opener: Opener, masks: Masks) -> Mapping[type[Request], Callable[[Any], Reply]]:
        """Begin the work in the background. Returns what `serve_link` is to answer with."""
        stored = StoredSeeing(self.store, self._activity, archive, self.process, self.coverage, self._clock)

        def standing(camera: str, from_us: int, to_us: int) -> Grant | None:
            return self.standing(camera, from_us, to_us)

        self._backlog = Backlog(self.store, stored, self.coverage, self._clock, standing, self._retention_days)
        self.jobs = Jobs(
            self.store,
            stored,
            self.coverage,
            self.budget,
            opener,
            self._clock,
            lambda: self.live.waiting,
            standing,
            self._backlog.step,
        )
        if self._on:
            self._thread = threading.Thread(target=self._main, name="seeing-model", daemon=True)
            self._thread.start()
            self.live.start()
            self.jobs.start()
        answers = SeeingAnswers(
            self.store,
            stored,
            self.coverage,
            self.jobs,
            self.process,
            self.budget,
            archive,
            opener,
            self._clock,
            self.state,
            masks,
        )
        return answers.answers()

    def stop(self) -> None:
        """End the threads and the process. Blocks until they are done."""
        self._stopping.set()
        if self._on:
            self.live.stop()
            if self.jobs is not None:
                self.jobs.stop()
        self.process.close()
        if self._thread is not None:
            self._thread.join()
        if self.bringer is not None:
            self.bringer.stop()

    def _main(self) -> None:
        """Start the process once there is a model, and anew when there is another."""
        before = ""
        while not self._stopping.wait(0.0 if not before else _LOOK_S):
            name = self.beginner.name()
            if before and name != before and self.process.ready is not None:
                self.process.rest()
            before = name or "none"
            try:
                self.process.try_to_begin()
            except NoModel:
                if self.bringer is not None:
                    self.bringer.tend()
            except Unavailable as error:
                log.warning("seeing_away", error=str(error))

    # How it stands.

    def state(self) -> Seeing:
        """For `GetSeeing`."""
        state, text = self._state()
        cameras, soon = self._cameras()
        pace = self.jobs.pace if self.jobs is not None else 0.0
        if soon:
            lost = f"{soon // 60} min of recordings are deleted within a day and nobody looked at them"
            text = f"{text} {lost}; they come first.".strip()
        waiting = sum(each.waiting_s for each in cameras)
        if waiting and pace > 0:
            text = f"{text} What waits takes about {round(waiting / pace / 60)} min.".strip()
        ready = self.process.ready
        if ready is None:
            return Seeing(state, text, self.beginner.name().split(" ")[0], "", 0.0, cameras, self._counts())
        return Seeing(state, text, ready.model, ready.provider, self._spent_ms(), cameras, self._counts())

    def _spent_ms(self) -> float:
        """Of processor time for a picture, decoding included; what the detector alone took before the first one."""
        ready, process = self.process.ready, self.process
        if process.pictures:
            return round(process.cpu_us / 1000 / process.pictures, 2)
        return ready.ms_a_picture if ready is not None else 0.0

    def _counts(self) -> SeeingCounts:
        process = self.process
        return SeeingCounts(
            process.pictures, process.failures, self.live.missed, process.crowded, process.restarts, process.cpu_us
        )

    def _state(self) -> tuple[str, str]:
        if not self._on:
            return "off", "Analysis is switched off: set `analysis_cpu_percent` under [site]."
        if self.process.trouble:
            return "failed", f"{self.process.trouble} It is tried again by itself; recording goes on."
        if not self.beginner.name():
            fetching = self.bringer.text if self.bringer is not None else ""
            return (
                "no_model",
                fetching or "There is no model to look with: run `belvedere models fetch` on this machine.",
            )
        return ("starting", "The model is being read.") if self.process.ready is None else ("running", "")

    def _cameras(self) -> tuple[tuple[SeenCamera, ...], int]:
        """Every camera, and seconds that are deleted within a day unseen."""
        now_us = self._clock.monotonic_us()
        if self._told is not None and self._told[0] > now_us:
            return self._with_away(self._told[1]), self._told[2]
        found, soon = [], 0
        for camera in sorted(self.store.cameras()):
            waiting = self._backlog.waiting(camera) if self._backlog is not None else None
            seconds = waiting.seconds if waiting is not None else 0
            soon += waiting.soon if waiting is not None else 0
            newest_us = self.live.newest_us(camera) or self.store.newest_us(camera)
            state = "live" if self.live.newest_us(camera) else "waiting" if seconds else "done"
            found.append(SeenCamera(camera, state, newest_us, seconds, self._spent_ms()))
        self._told = now_us + _STATE_US, tuple(found), soon
        return self._with_away(self._told[1]), soon

    def _with_away(self, cameras: tuple[SeenCamera, ...]) -> tuple[SeenCamera, ...]:
        """Days without their key are told at once: the hub releases them when it hears of it."""
        backlog = self._backlog
        if backlog is None:
            return cameras
        return tuple(msgspec.structs.replace(each, away=tuple(sorted(backlog.away(each.camera)))) for each in cameras)
