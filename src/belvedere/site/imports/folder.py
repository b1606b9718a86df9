"""Planning the import of a recorder's folder: which file is which camera's, and when it was really recorded."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BadInput, BadMedia
from belvedere.foundation.ids import is_slug
from belvedere.site.imports.apart import counted_duration_us
from belvedere.site.imports.names import NameParts, NamePattern
from belvedere.site.imports.recording import Recording
from belvedere.site.imports.walltime import Special, choose, covered_us, moments, nearest

MOST_FILES = 200_000
SNAP_US = SECOND_US
"""Names tell whole seconds: a file that begins this much before another ends is moved to its end, not cut."""
_ODD_US = 5 * SECOND_US
# Left behind by recorders and computers; not said to be unknown.
_NOISE = frozenset({".jpg", ".jpeg", ".png", ".txt", ".idx", ".db", ".ini", ".log", ".html", ".xml", ".pic", ".bin"})


class Times(StrEnum):
    """Where the time of a file's first picture comes from."""

    NAME = "name"
    MODIFIED = "modified"  # the file's date, when recorders set it to the start
    MODIFIED_END = "modified-end"  # the file's date less its length


class State(StrEnum):
    IMPORT = "import"
    PARTLY = "partly"  # what the camera has already is left out
    THERE = "there"  # brought in before
    OVERLAP = "overlap"  # the camera has footage of that time
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Rules:
    """How names become cameras and times. `cameras`: by channel, `*` for all others, `{ch}` in it is the channel."""

    zone: tzinfo
    offset_us: int = 0
    times: Times = Times.NAME
    cameras: Mapping[str, str] = field(default_factory=dict)
    stream: str = "main"  # for names that do not tell
    trim: bool = True


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file whose name fits."""

    path: Path
    name: str  # inside the folder, parted by /
    bytes: int
    modified_us: int
    parts: NameParts


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to become of one file. Times in microseconds UTC, the offset included; 0 when they are not known."""

    file: FolderFile
    state: State
    camera: str
    stream: str
    start_us: int
    end_us: int
    notes: tuple[str, ...] = ()
    recording: Recording | None = None
    second: bool = False  # of the hour that came twice, it was taken as the second

    @property
    def wanted(self) -> bool:
        return self.state in (State.IMPORT, State.PARTLY)


def scan(folder: Path, pattern: NamePattern) -> tuple[list[FolderFile], list[str]]:
    """Files whose names fit, by name, and the names of recordings that do not. Hidden files are passed over."""
    fitting, others = [], []
    for path, name in walk(folder):
        parts = pattern.match(name)
        if parts is not None:
            stat = path.stat()
            fitting.append(FolderFile(path, name, stat.st_size, stat.st_mtime_ns // 1000, parts))
        elif path.suffix.lower() not in _NOISE:
            others.append(name)
    return fitting, others


def walk(folder: Path) -> Iterable[tuple[Path, str]]:
    """Files under `folder` and their names inside it, in order. Links to folders are not followed. Raises BadInput."""
    count = 0
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            if name.startswith(".") or not path.is_file():
                continue
            count += 1
            if count > MOST_FILES:
                raise BadInput(f"{folder} holds more than {MOST_FILES} files.", advice="Import its parts in turn.")
            yield path, path.relative_to(folder).as_posix()


def camera_of(parts: NameParts, rules: Rules) -> str:
    """The camera that a file belongs to, "" when nothing says so. Raises BadInput for a name that can't be one."""
    named = rules.cameras.get(parts.channel) or rules.cameras.get("*", "")
    camera = named.replace("{ch}", parts.channel.lower())
    if camera and not is_slug(camera):
        raise BadInput(f"{camera!r} can't name a camera.", advice="Use lower-case letters, digits and hyphens.")
    return camera


def plan(
    files: Iterable[FolderFile],
    rules: Rules,
    examine: Callable[[Path], Recording],
    footage: Callable[[str, str, int, int], Iterable[tuple[int, int]]],
    now_us: int,
) -> list[Planned]:
    """What to do with each file, by camera, stream and time. `footage` gives what a camera has of a span already.

    Files are looked at one by one; one that is no video, or of which camera or time is not known, is `BAD` and stops nothing.
    """
    groups: dict[tuple[str, str], list[FolderFile]] = {}
    planned: list[Planned] = []
    for file in files:
        camera = camera_of(file.parts, rules)
        stream = file.parts.stream or rules.stream
        if not camera:
            channel = file.parts.channel or "*"
            planned.append(_bad(file, "", stream, f"No camera is given for it: --map {channel}=CAMERA."))
        elif rules.times is Times.NAME and file.parts.start is None:
            planned.append(_bad(file, camera, stream, "Its name does not tell a whole date and time."))
        else:
            groups.setdefault((camera, stream), []).append(file)
    for (camera, stream), group in sorted(groups.items()):
        group.sort(key=lambda file: _order(file, rules))
        after_us: int | None = None
        own: list[tuple[int, int]] = []
        for file in group:
            try:
                recording = examine(file.path)
            except BadMedia as error:
                planned.append(_bad(file, camera, stream, error.message.removeprefix(f"{file.path.name} ")))
                continue
            except OSError as error:
                planned.append(_bad(file, camera, stream, f"It can't be read: {error.strerror}."))
                continue
            one = _place(file, camera, stream, recording, rules, after_us)
            if one.state is not State.BAD and one.end_us > now_us:
                one = replace(one, state=State.BAD, notes=(*one.notes, "It would lie in the future: check the times."))
            if one.state is not State.BAD:
                taken = [*footage(camera, stream, one.start_us, one.end_us), *own]
                one = _fit(one, taken, rules)
                own.append((one.start_us, one.end_us))
                # Of the hour that comes twice, the files of both passes stand mixed: each pass goes on where it left off.
                if not one.second:
                    after_us = one.end_us - rules.offset_us
            planned.append(one)
    return sorted(planned, key=lambda one: (one.camera, one.stream, one.start_us, one.file.name))


def _order(file: FolderFile, rules: Rules) -> tuple[str, int, str]:
    """Of two files of the hour that came twice, the one written first is the first."""
    start = file.parts.start if rules.times is Times.NAME else None
    return (start.isoformat() if start else "", file.modified_us, file.name)


def _bad(file: FolderFile, camera: str, stream: str, why: str) -> Planned:
    return Planned(file, State.BAD, camera, stream, 0, 0, (why,))


def _place(
    file: FolderFile, camera: str, stream: str, recording: Recording, rules: Rules, after_us: int | None
) -> Planned:
    """Find a file's true time. `after_us`: where the camera's file before it ends, by the recorder's clock."""
    notes: list[str] = []
    second = False
    length_us = recording.duration_us
    if not length_us and (rules.times is Times.MODIFIED_END or file.parts.end is None):
        length_us = counted_duration_us(recording)
    if rules.times is Times.NAME:
        assert file.parts.start is not None
        meant = moments(file.parts.start, rules.zone)
        shown_us = choose(meant, after_us)
        if meant.special is Special.TWICE:
            second = shown_us != meant.all_us[0]
            which = "second" if second else "first"
            notes.append(f"{file.parts.start:%H:%M} {meant.special}; taken as the {which}.")
        elif meant.special is Special.NEVER:
            notes.append(f"{file.parts.start:%H:%M} {meant.special}.")
        if file.parts.end is not None:
            ends = moments(file.parts.end, rules.zone)
            named_us = nearest(ends, shown_us + length_us) - shown_us
            if not length_us:
                length_us = max(0, named_us)
            elif abs(named_us - length_us) > _ODD_US:
                notes.append(f"Its name says {named_us // SECOND_US} s; it holds {length_us // SECOND_US} s.")
    else:
        shown_us = file.modified_us - (length_us if rules.times is Times.MODIFIED_END else 0)
    if not length_us:
        return _bad(file, camera, stream, "It does not tell how long it is.")
    start_us = shown_us + rules.offset_us
    if start_us < 0:
        return _bad(file, camera, stream, "It would lie before 1970: check the times.")
    return Planned(file, State.IMPORT, camera, stream, start_us, start_us + length_us, tuple(notes), recording, second)


def _fit(one: Planned, taken: list[tuple[int, int]], rules: Rules) -> Planned:
    """Whether there is room for it."""
    covered = covered_us(one.start_us, one.end_us, taken)
    if covered <= SNAP_US:
        return one
    words = f"{covered / SECOND_US:.0f} s of it are there already"
    if covered >= one.end_us - one.start_us - SNAP_US:
        return replace(one, state=State.OVERLAP, notes=(*one.notes, "The camera has footage of all of that time."))
    if not rules.trim:
        return replace(one, state=State.OVERLAP, notes=(*one.notes, f"{words}."))
    return replace(one, state=State.PARTLY, notes=(*one.notes, f"{words} and are left out."))
