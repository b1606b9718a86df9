"""The demo's films: a minute that loops for every camera, and last night's incidents; made once and kept.

`python -m belvedere.demo.films --folder DIR --night YYYY-MM-DD` makes what is missing, the live loops first, and prints a JSON
line for every finished film.
"""

import argparse
import ctypes
import hashlib
import json
import math
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache, partial
from pathlib import Path

import cv2

import belvedere.demo
from belvedere.demo.cameras import CAMERAS, camera_by_id
from belvedere.demo.film import FilmFile, Group, make
from belvedere.demo.footage import Span, spans_between, window
from belvedere.demo.incidents import INCIDENTS, night_actors
from belvedere.demo.life import LOOP_S, loop_actors
from belvedere.demo.picture import backdrop
from belvedere.demo.picture.clock import clock_text, summer_offset
from belvedere.demo.picture.light import Light
from belvedere.demo.picture.render import Painter
from belvedere.demo.picture.sprites import SpriteBox
from belvedere.demo.scene import ActorState, CameraPlan
from belvedere.demo.town import build_town
from belvedere.foundation.clock import SECOND_US

WORKERS = 2
_PR_SET_PDEATHSIG = 1
QUICK_S = 3.0  # at least; whole groups of pictures
# A film of the night costs about as much as so many seconds of a loop, by how long people move in it.
NIGHT_EFFORT_S = {"gathering": 420.0, "fall": 190.0, "moped": 165.0, "fly-tipping": 130.0, "bin-door": 105.0}
IDLE_STEP_S = 0.5  # people who stand about are drawn anew this often
DAY_S = 86_400.0


def midnight_us(night: date) -> int:
    """The true time, in microseconds UTC, at which the demo day of `night` began in London."""
    noon = datetime(night.year, night.month, night.day, 12, tzinfo=UTC)
    begun = noon - timedelta(hours=12) - summer_offset(noon)
    return round(begun.timestamp()) * SECOND_US


def camera_clock(plan: CameraPlan, night: date) -> Callable[[float], str]:
    """What the camera's own, wrong clock reads at a true second of the demo day."""
    begun_us = midnight_us(night)

    def reads(second: float) -> str:
        return clock_text(begun_us + round((second + plan.clock_error_s) * SECOND_US))

    return reads


@cache
def fingerprint() -> str:
    """Changes whenever anything that the films depend on does: the code of the demo, and what encodes."""
    digest = hashlib.sha256()
    for path in sorted(Path(belvedere.demo.__path__[0]).rglob("*.py")):
        if not {"rtsp", "onvif"} & set(path.relative_to(belvedere.demo.__path__[0]).parts) and path.name != "serve.py":
            digest.update(path.read_bytes())
    digest.update(f"{cv2.__version__}".encode())
    return digest.hexdigest()[:12]


_SPRITES = SpriteBox()
_SCENES: dict[str, backdrop.Scene] = {}


def painter(camera_id: str, hour: Light) -> Painter:
    """A painter of a camera. Its unlit scene is kept, about 12 MB, for the camera's next film."""
    if camera_id not in _SCENES:
        _SCENES[camera_id] = backdrop.survey(camera_by_id(camera_id), build_town())
    return Painter(_SCENES[camera_id], hour, _SPRITES)


def live_film(camera_id: str, folder: Path, quick: bool = False) -> tuple[FilmFile, FilmFile]:
    """The minute that a camera shows live, main and sub; `quick`: only its first seconds, soon ready. The picture's band has the
    camera's name and no clock: whoever sends the film writes the time of sending on it (`clock.LiveClock`)."""
    plan = camera_by_id(camera_id)
    count = math.ceil((QUICK_S if quick else LOOP_S) / plan.gop_seconds)
    files = _names(plan, folder, "quick" if quick else "live", None, count * plan.gop_seconds)
    if not _made(files):
        groups = [Group(k * plan.gop_seconds, loop_actors) for k in range(count)]
        _make(painter(camera_id, Light.DAY), groups, lambda second: "", files)
    return files


def night_film(camera_id: str, incident_id: str, folder: Path, night_date: date) -> tuple[FilmFile, FilmFile]:
    """What a camera saw around an incident, main and sub, with its own clock in the picture."""
    plan = camera_by_id(camera_id)
    incident = next(i for i in INCIDENTS if i.id == incident_id)
    start_s, end_s = window(incident)
    count = round((end_s - start_s) / plan.gop_seconds)
    start_us = midnight_us(night_date) + round(start_s * SECOND_US)
    files = _names(plan, folder, f"night-{night_date}-{incident_id}", start_us, count * plan.gop_seconds)
    if not _made(files):
        spans = spans_between(plan, start_s, end_s)
        groups = [_group(spans, start_s + k * plan.gop_seconds, plan.gop_seconds) for k in range(count)]
        _make(painter(camera_id, Light.NIGHT), groups, camera_clock(plan, night_date), files)
    return files


def _group(spans: tuple[Span, ...], start_s: float, length_s: float) -> Group:
    """A group of pictures of the night: filmed where things move, repeated where people only idle or nothing happens."""
    for span in spans:
        if span.kind != "moving" and span.start_s <= start_s and span.end_s >= start_s + length_s:
            if span.kind == "quiet":
                # Everybody seen stands still, so any moment of the span shows it.
                there = night_actors(span.start_s + 0.25)
                return Group(start_s, partial(_always, there), ("quiet", span.still))
            phase = start_s % span.period_s
            return Group(start_s, partial(_idling, span.still), ("idling", span.still, phase))
    return Group(start_s, _people)


def _always(there: tuple[ActorState, ...], _second: float) -> tuple[ActorState, ...]:
    return there


def _people(second: float) -> tuple[ActorState, ...]:
    """Everybody; those who stand about at every half second."""
    idle = _idle(math.floor(second / IDLE_STEP_S))
    return tuple(idle.get(actor.id, actor) if _stands(actor) else actor for actor in night_actors(second))


def _stands(actor: ActorState) -> bool:
    return actor.posture in ("stand", "sit") and not actor.speed_mps


@lru_cache(maxsize=2)
def _idle(step: int) -> dict[str, ActorState]:
    return {actor.id: actor for actor in night_actors(step * IDLE_STEP_S) if _stands(actor)}


def _idling(still: tuple[str, ...], second: float) -> tuple[ActorState, ...]:
    """Those who stand about, at every half second."""
    return tuple(actor for actor in night_actors(second // IDLE_STEP_S * IDLE_STEP_S) if actor.id in still)


def _names(
    plan: CameraPlan, folder: Path, what: str, start_us: int | None, length_s: float
) -> tuple[FilmFile, FilmFile]:
    made = []
    for stream, fps in (("main", plan.fps), ("sub", plan.sub_fps)):
        path = folder / f"{what}-{plan.id}-{stream}-{fingerprint()}.mp4"
        made.append(FilmFile(plan.id, stream, path, start_us, round(length_s * SECOND_US), fps, "h264"))
    return made[0], made[1]


def _made(files: tuple[FilmFile, FilmFile]) -> bool:
    return all(file.path.exists() for file in files)


def _make(by: Painter, groups: list[Group], clock: Callable[[float], str], files: tuple[FilmFile, FilmFile]) -> None:
    """Make two files under other names and move them into place when whole."""
    drafts = [file.path.with_suffix(f".{os.getpid()}.part") for file in files]
    try:
        make(by, groups, clock, drafts[0], drafts[1])
        for draft, file in zip(drafts, files, strict=True):
            draft.replace(file.path)
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Task:
    """One film to make; the order of making is the order of the list."""

    camera: str
    incident: str | None
    quick: bool = False

    def run(self, folder: Path, night: date) -> tuple[FilmFile, FilmFile]:
        """Make it, or find it made."""
        if self.incident is None:
            return live_film(self.camera, folder, self.quick)
        return night_film(self.camera, self.incident, folder, night)

    @property
    def effort(self) -> float:
        """What it costs, roughly: only compared with others'."""
        plan = camera_by_id(self.camera)
        seconds = QUICK_S if self.quick else LOOP_S if self.incident is None else NIGHT_EFFORT_S[self.incident]
        return seconds * plan.fps * plan.width * plan.height


def tasks(only: str | None, quick: bool, folder: Path) -> list[Task]:
    """What to make: a first short loop of every camera whose loop is not there yet, then the loops, then the night, in
    which what takes longest comes first: no worker is left alone with it at the end.
    """
    made: list[Task] = []
    if only != "night":
        for camera in CAMERAS:
            if not _made(_names(camera, folder, "live", None, LOOP_S)):
                made.append(Task(camera.id, None, quick=True))
        if not quick:
            made += [Task(camera.id, None) for camera in CAMERAS]
    if only != "live" and not quick:
        films = [Task(camera, incident.id) for incident in INCIDENTS for camera in incident.cameras]
        made += sorted(films, key=lambda task: -task.effort)
    return made


def shares(todo: list[Task], workers: int) -> list[list[Task]]:
    """The tasks of each worker, in order. All of one camera go to one worker, which paints its scene once."""
    effort: dict[str, float] = {}
    for task in todo:
        effort[task.camera] = effort.get(task.camera, 0.0) + task.effort
    loads = [0.0] * workers
    worker_of: dict[str, int] = {}
    for camera in sorted(effort, key=lambda c: -effort[c]):
        lightest = loads.index(min(loads))
        worker_of[camera] = lightest
        loads[lightest] += effort[camera]
    return [[task for task in todo if worker_of[task.camera] == k] for k in range(workers)]


def take(queues: list[list[Task]], worker: int) -> Task | None:
    """A worker's next task: its own, in order. Who has none left takes the last of who has most to do, though its scene has to
    be painted a second time for that (a second).
    """
    if queues[worker]:
        return queues[worker].pop(0)
    most = max(queues, key=lambda queue: sum(task.effort for task in queue))
    return most.pop() if most else None


def produce(todo: list[Task], folder: Path, night: date, workers: int = WORKERS) -> Iterator[tuple[FilmFile, ...]]:
    """Make films in worker processes and yield each pair as it is finished. Raises what a worker raised."""
    folder.mkdir(parents=True, exist_ok=True)
    # Spawned, so that a worker starts clean whatever threads its parent runs.
    context = multiprocessing.get_context("spawn")
    queues = [share for share in shares(todo, workers) if share]
    pools = [ProcessPoolExecutor(1, context, initializer=_settle) for _ in queues]
    running: dict[Future[tuple[FilmFile, FilmFile]], int] = {}

    def go_on(worker: int) -> None:
        task = take(queues, worker)
        if task is not None:
            running[pools[worker].submit(task.run, folder, night)] = worker

    try:
        for worker in range(len(pools)):
            go_on(worker)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                go_on(running.pop(future))
                yield future.result()
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)


def _settle() -> None:
    """A worker gives way to everything else, keeps to one core, and ends with its parent."""
    os.nice(10)
    cv2.setNumThreads(1)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def tidy(folder: Path, night: date) -> None:
    """Remove films of other versions and other nights, and drafts that were left behind."""
    for path in folder.glob("*"):
        old = not path.name.endswith(f"-{fingerprint()}.mp4")
        if path.is_file() and (old or (path.name.startswith("night-") and not path.name.startswith(f"night-{night}-"))):
            path.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument(
        "--night", type=date.fromisoformat, required=True, help="date of last night's evening, YYYY-MM-DD"
    )
    parser.add_argument("--only", choices=("live", "night"))
    parser.add_argument("--quick", action="store_true", help="only the first seconds of each live loop")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tidy(options.folder, options.night)
    todo = tasks(options.only, options.quick, options.folder)
    for done, pair in enumerate(produce(todo, options.folder, options.night), 1):
        for film in pair:
            facts = asdict(film) | {"path": str(film.path)}
            sys.stdout.write(json.dumps({"film": facts, "done": done, "of": len(todo)}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
