"""`belvedere import FOLDER`: plan, show, and bring in what a recorder left behind."""

import getpass
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from belvedere.cli.local import local_site
from belvedere.cli.recordings import hold_camera, remarks, take_in, what_came
from belvedere.foundation.clock import SECOND_US, SystemClock, iso
from belvedere.foundation.errors import BadInput, BelvedereError, Conflict, LinkFault, StorageFault
from belvedere.foundation.settings import Settings
from belvedere.link.blocking import BlockingSiteLink
from belvedere.link.cameras import GetImportedFiles, ImportedFile, ImportedFiles, NoteImportedFile
from belvedere.link.messages import Answer
from belvedere.site.imports.apart import examine_apart
from belvedere.site.imports.folder import SNAP_US, FolderFile, Planned, Rules, State, Times, plan, scan, walk
from belvedere.site.imports.names import PRESETS, NamePattern, fitting_preset
from belvedere.site.imports.recording import Recording, sha256_file
from belvedere.site.imports.session import Imported
from belvedere.site.imports.walltime import free_spans, offset_of_clocks, parse_offset, parse_zone, show_offset

_AT_ONCE = 200
_WIDE = 180  # of a table that goes to a file
_console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """What was said on the command line."""

    camera: str
    stream: str
    pattern: str
    cameras: tuple[str, ...]
    zone: str
    times: str
    offset: str
    clock_shows: str
    really: str
    said_by: str
    overlap: str
    again: bool
    dry_run: bool


@dataclass(slots=True)
class _Result:
    """How one file ended; `words` for the table."""

    planned: Planned
    state: str
    words: str


def _pattern(folder: Path, text: str) -> tuple[NamePattern, Times]:
    """The pattern to use, and where times come from by its preset."""
    if text in PRESETS:
        return NamePattern(PRESETS[text].pattern), Times(PRESETS[text].times)
    if text:
        return NamePattern(text), Times.NAME
    names = [name for _, name in walk(folder)]
    preset, fits = fitting_preset(names)
    if not preset:
        known = "; ".join(f"{name}: {each.about}" for name, each in PRESETS.items())
        raise BadInput(
            f"No file in {folder} is named like those of a known recorder ({known}).",
            advice="Give --pattern; docs/guide/bring-in-an-old-recorder.md tells how.",
        )
    _console.print(f"The names are those of the preset [bold]{preset}[/bold] ({fits} of {len(names)} files).")
    return NamePattern(PRESETS[preset].pattern), Times(PRESETS[preset].times)


def _rules(options: FolderOptions, usual: Times) -> Rules:
    if not options.zone:
        raise BadInput(
            "The zone of the recorder's clock is not known.",
            advice="Give --zone Europe/London, or --zone +00:00 if its clock is never put forward.",
        )
    zone = parse_zone(options.zone)
    if options.times and options.times not in list(Times):
        raise BadInput(f"{options.times!r} tells no time.", advice=f"Say {', '.join(Times)}.")
    if options.overlap not in ("trim", "skip", "stop"):
        raise BadInput(f"{options.overlap!r} is no way to treat overlaps.", advice="Say trim, skip or stop.")
    if bool(options.clock_shows) != bool(options.really) or (options.offset and options.really):
        raise BadInput("The clock's error is given in two ways, or by half.", advice="Give --offset, or both clocks.")
    offset_us = 0
    if options.offset:
        offset_us = parse_offset(options.offset)
    elif options.really:
        offset_us = offset_of_clocks(options.clock_shows, options.really, zone)
    cameras = {"*": options.camera} if options.camera else {}
    for text in options.cameras:
        channel, equals, camera = text.partition("=")
        key = (channel.strip().lstrip("0") or "0") if channel.strip().isdigit() else channel.strip()
        if not equals or not key or not camera.strip():
            raise BadInput(f"--map {text!r} can't be understood.", advice="Write it like --map 3=car-park.")
        cameras[key] = camera.strip()
    return Rules(
        zone=zone,
        offset_us=offset_us,
        times=Times(options.times) if options.times else usual,
        cameras=cameras,
        stream=options.stream,
        trim=options.overlap == "trim",
    )


class _Folder:
    """One import of one folder."""

    def __init__(self, settings: Settings, link: BlockingSiteLink, options: FolderOptions, rules: Rules) -> None:
        self._settings = settings
        self._link = link
        self._options = options
        self._rules = rules
        self._said_by = options.said_by or getpass.getuser()
        self._cameras = {camera.camera for camera in link.status().cameras}

    def footage(self, camera: str, stream: str, from_us: int, to_us: int) -> list[tuple[int, int]]:
        """What the camera has of a span."""
        if camera not in self._cameras:
            return []
        told = self._link.timeline([camera], stream, max(0, from_us - SNAP_US), to_us + SNAP_US)
        return [(run.start_us, run.end_us) for each in told.cameras for run in each.runs]

    def known(self, files: list[FolderFile]) -> dict[tuple[str, int], ImportedFile]:
        """Files brought in before that have the name and size of these."""
        found = {}
        for at in range(0, len(files), _AT_ONCE):
            names = tuple({file.name for file in files[at : at + _AT_ONCE]})
            for entry in self._link.ask(GetImportedFiles(names=names), ImportedFiles).files:
                found[entry.name, entry.bytes] = entry
        return found

    def plan(self, files: list[FolderFile]) -> list[Planned]:
        """Files that seem to be in already are not even opened."""
        known = {} if self._options.again else self.known(files)
        there, fresh = [], []
        for file in files:
            entry = known.get((file.name, file.bytes))
            if entry is None:
                fresh.append(file)
            else:
                note = f"Brought in on {iso(entry.imported_us)[:10]} (same name and size)."
                there.append(
                    Planned(file, State.THERE, entry.camera, entry.stream, entry.start_us, entry.end_us, (note,))
                )
        quick = _examine
        planned = plan(fresh, self._rules, quick, self.footage, SystemClock().now_us())
        return sorted([*there, *planned], key=lambda one: (one.camera, one.stream, one.start_us, one.file.name))

    def take(self, one: Planned) -> _Result:
        """Bring one file in. Raises LinkFault when the recorder is away."""
        assert one.recording is not None  # what is wanted was looked at
        recording = replace(one.recording, sha256=sha256_file(one.file.path))
        seen = () if self._options.again else self._link.ask(GetImportedFiles((recording.sha256,)), ImportedFiles).files
        if seen:
            where = seen[0]
            return _Result(one, State.THERE, f"Brought in before as {where.name} of {where.camera}.")
        if one.camera not in self._cameras:
            hold_camera(self._settings, self._link, one.camera)
            self._cameras.add(one.camera)
        how = f"{self._rules.times}, {self._options.pattern or 'preset'}"
        if self._options.really:
            how += f", clock showed {self._options.clock_shows} at {self._options.really}"
        provenance = (
            f"zone {self._options.zone} clock {show_offset(self._rules.offset_us)} time from {how}"
            f" said by {self._said_by}"
        )[:600]
        spans = free_spans(self.footage(one.camera, one.stream, one.start_us, one.end_us))
        done = take_in(
            self._settings,
            recording,
            one.camera,
            one.stream,
            one.start_us,
            provenance=provenance,
            spans=spans,
            snap_us=SNAP_US,
        )
        if not done.frames:
            return _Result(one, State.OVERLAP, "The camera has footage of all of that time.")
        self._link.ask(NoteImportedFile(self._entry(one, recording, done, provenance)), Answer)
        words = [*one.notes, *remarks(recording, done)]
        if done.start_us != one.start_us:
            words.append(f"Moved by {(done.start_us - one.start_us) / SECOND_US:.2f} s to where the one before ends.")
        left = f" {done.left_out} frames left out." if done.left_out else ""
        return _Result(one, State.IMPORT, f"{what_came(done)}.{left} {' '.join(words)}".strip())

    def _entry(self, one: Planned, recording: Recording, done: Imported, how: str) -> ImportedFile:
        left = f"; {done.left_out} frames left out" if done.left_out else ""
        return ImportedFile(
            sha256=recording.sha256,
            camera=one.camera,
            stream=one.stream,
            name=one.file.name[:1000],
            bytes=one.file.bytes,
            start_us=done.start_us,
            end_us=max(done.start_us, done.end_us),
            offset_us=self._rules.offset_us,
            zone=self._options.zone,
            said_by=self._said_by[:1000],
            how=f"{how}{left}"[:1000],
        )


def _examine(path: Path) -> Recording:
    return examine_apart(path, hashed=False)


def import_folder(settings: Settings, folder: Path, options: FolderOptions) -> None:
    """Plan and show it; unless it is a dry run, bring the files in one by one. Exits with 1 when a file could not be."""
    pattern, usual = _pattern(folder, options.pattern)
    rules = _rules(options, usual)
    files, others = scan(folder, pattern)
    if not files:
        raise BadInput(
            f"No file in {folder} fits the pattern; the first is named {others[0] if others else 'nothing'}.",
            advice="Compare both; docs/guide/bring-in-an-old-recorder.md tells the pattern language.",
        )
    with local_site(settings) as link:
        work = _Folder(settings, link, options, rules)
        planned = work.plan(files)
        _show_plan(planned, others, rules, pattern)
        if options.dry_run:
            typer.echo(
                "Nothing was changed. Look at a few pictures of each camera and compare their clocks, then leave out --dry-run."
            )
            raise typer.Exit(1 if any(one.state is State.BAD for one in planned) else 0)
        overlaps = [one for one in planned if one.state in (State.OVERLAP, State.PARTLY)]
        if options.overlap == "stop" and overlaps:
            raise Conflict(
                f"{len(overlaps)} files overlap footage that is there; nothing was changed.",
                advice="Look at the plan, then choose --overlap trim or skip.",
            )
        results = [_Result(one, one.state, " ".join(one.notes)) for one in planned if not one.wanted]
        results += _take_all(work, [one for one in planned if one.wanted])
    _show_results(results)
    if any(result.state == State.BAD for result in results):
        raise typer.Exit(1)


def _take_all(work: _Folder, wanted: list[Planned]) -> list[_Result]:
    results = []
    for number, one in enumerate(wanted, 1):
        try:
            result = work.take(one)
        except (LinkFault, StorageFault):
            raise  # without the recorder and its disk nothing more can be done; the next start goes on behind what is in
        except BelvedereError as error:
            result = _Result(one, State.BAD, error.message.removeprefix(f"{one.file.path.name} "))
        except OSError as error:  # a disk that is pulled, a file that can't be read
            result = _Result(one, State.BAD, f"It can't be read: {error.strerror}.")
        results.append(result)
        typer.echo(f"{number} of {len(wanted)}  {one.file.name}: {result.state}. {result.words}")
    return results


def _show_plan(planned: list[Planned], others: list[str], rules: Rules, pattern: NamePattern) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("file", overflow="fold", ratio=2)
    for name in ("camera", "stream", "begins (UTC)", "ends", "what"):
        table.add_column(name, no_wrap=True)
    table.add_column("notes", overflow="fold", ratio=3)
    for one in planned:
        begins = iso(one.start_us)[:19].replace("T", " ") if one.start_us else ""
        ends = iso(one.end_us)[11:19] if one.end_us else ""
        table.add_row(
            escape(one.file.name), one.camera, one.stream, begins, ends, one.state, escape(" ".join(one.notes))
        )
    to_file = not _console.is_terminal
    (Console(highlight=False, width=max(_console.width, _WIDE)) if to_file else _console).print(table)
    counts = Counter(one.state for one in planned)
    hours = sum(one.end_us - one.start_us for one in planned if one.wanted) / SECOND_US / 3600
    summary = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    _console.print(f"{len(planned)} files: {summary}. To bring in: {hours:.2f} hours.")
    _console.print(f"Clock correction {show_offset(rules.offset_us)}; times from {rules.times}.", markup=False)
    if others:
        _console.print(f"{len(others)} files do not fit {pattern.text}, such as {others[0]}.", markup=False)


def _show_results(results: list[_Result]) -> None:
    counts = Counter(result.state for result in results)
    told = {State.IMPORT: "brought in", State.THERE: "there before", State.OVERLAP: "left out", State.BAD: "bad"}
    _console.print(", ".join(f"{counts[state]} {word}" for state, word in told.items()) + ".")
    for result in results:
        if result.state == State.BAD:
            _console.print(f"  {result.planned.file.name}: {result.words}", markup=False)
