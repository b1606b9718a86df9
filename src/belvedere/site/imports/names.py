"""What a recorder's file names say: a small pattern language, and presets for recorders that are met often.

A pattern is compared, whatever the case of its letters, with the end of a file's path inside the folder; `/` parts folders.

    {ch}            channel number                    {camera}   a name in place of the number
    {stream}        main, m, 0 or sub, s, 1           * and ?    any letters, any one letter
    {start:LAYOUT}  time of the first picture: YYYY or YY, MM, DD, hh, mm, ss, fff (thousandths), or unix alone
    {end:LAYOUT}    time of the last picture; what it leaves out is taken from the start

Pieces of a time may stand apart, as in `{start:YYYY-MM-DD}/{ch}/{start:hh.mm.ss}*`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from belvedere.foundation.errors import BadInput

_FIELD = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_PIECES = {"YYYY": 4, "YY": 2, "MM": 2, "DD": 2, "hh": 2, "mm": 2, "ss": 2, "fff": 3}
_PIECE = re.compile("|".join(_PIECES))
_STREAMS = {"main": "main", "m": "main", "0": "main", "sub": "sub", "s": "sub", "1": "sub"}
_LONGEST = 300
_HELP = "The pattern language is in docs/guide/bring-in-an-old-recorder.md."


@dataclass(frozen=True, slots=True)
class NameParts:
    """What a name tells. Times are as the recorder's clock showed them, without a zone; `unix` ones are UTC already."""

    channel: str  # digits without leading zeros, or a name; "" when the name does not tell
    stream: str  # main, sub or ""
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Preset:
    """Patterns of one kind of recorder. `times`: where the start comes from, as in `--times`."""

    pattern: str
    times: str
    about: str


PRESETS = {
    "dvr": Preset("CH{ch}_{start:YYYYMMDD}_{start:hhmmss}_{end:hhmmss}.*", "name", "CH01_20241105_201500_203000.avi"),
    "nvr": Preset(
        "*_ch{ch}_{stream}_{start:YYYYMMDDhhmmss}_{end:YYYYMMDDhhmmss}*",
        "name",
        "NVR_ch3_main_20241105201500_20241105203000.mp4",
    ),
    "dahua": Preset(
        "{start:YYYY-MM-DD}/{ch}/dav/*/{start:hh.mm.ss}-{end:hh.mm.ss}*",
        "name",
        "2024-11-05/001/dav/20/20.15.00-20.30.00[M][0@0][0].dav",
    ),
    "dahua-day": Preset(
        "{start:YYYY-MM-DD}/{start:hh.mm.ss}-{end:hh.mm.ss}*", "name", "2024-11-05/20.15.00-20.30.00[M][0@0][0].dav"
    ),
    "reolink": Preset(
        "Rec{stream}{ch}_{start:YYYYMMDD}_{start:hhmmss}_{end:hhmmss}*", "name", "RecM01_20241105_201500_203000_0.mp4"
    ),
    "hikvision": Preset("hiv?????.mp4", "modified-end", "hiv00001.mp4; the file's date is its end"),
}


class NamePattern:
    """A pattern, ready to compare names with. Raises BadInput when it makes no sense."""

    def __init__(self, text: str) -> None:
        self.text = text
        if not text or len(text) > _LONGEST:
            raise BadInput("The pattern is empty or too long.", advice=_HELP)
        self._groups: list[tuple[str, str]] = []  # field and piece of each group, in order
        self._depth = text.count("/") + 1
        at, parts = 0, []
        for match in _FIELD.finditer(text):
            parts += [_literal(text[at : match.start()]), self._field(match[1], match[2])]
            at = match.end()
        parts.append(_literal(text[at:]))
        self._regex = re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
        kinds = {field for field, _ in self._groups}
        if "start" not in kinds and "end" in kinds:
            raise BadInput("The pattern has an end but no start.", advice=_HELP)

    def _field(self, name: str, layout: str | None) -> str:
        if name in ("ch", "camera", "stream") and layout is None:
            self._groups.append((name, ""))
            return {"ch": r"(\d{1,6})", "camera": r"([^/]+?)", "stream": r"(main|sub|m|s|0|1)"}[name]
        if name not in ("start", "end") or not layout:
            raise BadInput(f"The pattern has a field {{{name}}} that is not known.", advice=_HELP)
        if layout == "unix":
            self._groups.append((name, "unix"))
            return r"(\d{9,13})"
        at, parts = 0, []
        for match in _PIECE.finditer(layout):
            parts.append(_literal(layout[at : match.start()]))
            parts.append(rf"(\d{{{_PIECES[match[0]]}}})")
            self._groups.append((name, match[0]))
            at = match.end()
        if not at:
            raise BadInput(f"{{{name}:{layout}}} holds no time.", advice=_HELP)
        return "".join([*parts, _literal(layout[at:])])

    def match(self, path: str) -> NameParts | None:
        """What the end of `path` (parted by /) tells; None when it does not fit, or tells an impossible or contradictory time."""
        found = self._regex.fullmatch("/".join(PurePosixPath(path).parts[-self._depth :]))
        if found is None:
            return None
        told: dict[tuple[str, str], str] = {}
        for group, value in zip(self._groups, found.groups(), strict=True):
            if told.setdefault(group, value) != value:
                return None
        try:
            start = _time(told, "start", None)
            end = _time(told, "end", start)
        except (ValueError, OverflowError, OSError):
            return None
        if start is not None and end is not None and (start.tzinfo is None) != (end.tzinfo is None):
            return None
        if start is not None and end is not None and end <= start:
            dated = any(field == "end" and piece in ("DD", "unix") for field, piece in told)
            if dated:
                return None
            end += timedelta(days=1)
        channel = told.get(("ch", ""), "")
        return NameParts(
            (channel.lstrip("0") or "0") if channel else told.get(("camera", ""), ""),
            _STREAMS.get(told.get(("stream", ""), "").lower(), ""),
            start,
            end,
        )


def _literal(text: str) -> str:
    if "{" in text or "}" in text:
        raise BadInput("The pattern has a brace that stands alone.", advice=_HELP)
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)) for char in text)


def _time(told: dict[tuple[str, str], str], field: str, base: datetime | None) -> datetime | None:
    """The time that the pieces of `field` make; pieces that are missing come from `base`, else make it None."""
    pieces = {piece: int(value) for (name, piece), value in told.items() if name == field}
    if not pieces:
        return None
    if "unix" in pieces:
        seconds, thousandths = divmod(pieces["unix"], 1000) if pieces["unix"] > 99_999_999_999 else (pieces["unix"], 0)
        return datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=thousandths)
    year = pieces.get("YYYY", pieces["YY"] + 2000 if "YY" in pieces else None)
    if base is None and (year is None or not {"MM", "DD", "hh"} <= pieces.keys()):
        return None
    near = base or datetime.fromtimestamp(0, UTC)  # fills nothing that matters: year, month, day and hour were found
    made = datetime(
        year if year is not None else near.year,
        pieces.get("MM", near.month),
        pieces.get("DD", near.day),
        pieces.get("hh", near.hour),
        pieces.get("mm", 0),
        pieces.get("ss", 0),
        pieces.get("fff", 0) * 1000,
        UTC,
    )
    return made.replace(tzinfo=base.tzinfo if base else None)


def fitting_preset(paths: list[str]) -> tuple[str, int]:
    """The preset that fits most of `paths`, and how many; ("", 0) when none fits any."""
    counts = {
        name: sum(pattern.match(path) is not None for path in paths)
        for name, pattern in ((name, NamePattern(preset.pattern)) for name, preset in PRESETS.items())
    }
    best = max(counts, key=lambda name: counts[name])
    return (best, counts[best]) if counts[best] else ("", 0)
