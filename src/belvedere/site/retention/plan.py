"""What a night takes: counted before anything is touched, and compared with what was to be expected."""

from dataclasses import dataclass

from belvedere.foundation.clock import DAY_US
from belvedere.link.retention import NightPlan, PlanLine
from belvedere.site.retention.statements import statements
from belvedere.site.storage.index import Index

MARGIN_PERCENT = 110  # of the forecast; beyond it a person is asked


@dataclass(frozen=True, slots=True)
class StreamRule:
    """One stream and how long its footage stays."""

    stream_id: int
    camera_id: int
    camera: str
    kind: str
    class_name: str
    days: int

    def cutoff_us(self, night: int) -> int:
        """Footage recorded before this goes in `night`: whole days, so that a camera-day goes at once."""
        return (night - self.days) * DAY_US


def night_of(now_us: int) -> int:
    """The UTC day of a moment: its night is the run at its beginning."""
    return now_us // DAY_US


def rules(index: Index, default_days: int) -> list[StreamRule]:
    """Every stream with the days of its camera's class."""
    rows = index.read().execute(statements()["streams"], {"default_days": default_days}).fetchall()
    return [StreamRule(*row) for row in rows]


def make_plan(index: Index, night: int, default_days: int) -> NightPlan:
    """What goes at the beginning of `night` by the footage and holds of now. Reads only."""
    lines: dict[str, list[int]] = {}
    named: dict[str, StreamRule] = {}
    let_go = 0
    for rule in rules(index, default_days):
        values = {"stream_id": rule.stream_id, "cutoff_us": rule.cutoff_us(night), "camera": rule.camera}
        found = index.read().execute(statements()["due_sum"], values).fetchone()
        count, size, oldest, newest, held, held_bytes, freed = found
        named.setdefault(rule.camera, rule)
        if count:
            line = lines.setdefault(rule.camera, [0, 0, oldest, newest, 0, 0])
            line[0] += count - held
            line[1] += size - held_bytes
            line[2], line[3] = min(line[2], oldest), max(line[3], newest)
            line[4] += held
            line[5] += held_bytes
            let_go += freed
    expected = forecast(index, night, named) + let_go
    size = sum(line[1] for line in lines.values())
    return NightPlan(
        night=night,
        at_us=night * DAY_US,
        lines=tuple(
            PlanLine(camera, named[camera].class_name, named[camera].days, *line)
            for camera, line in sorted(lines.items())
        ),
        segments=sum(line[0] for line in lines.values()),
        bytes=size,
        held_segments=sum(line[4] for line in lines.values()),
        held_bytes=sum(line[5] for line in lines.values()),
        forecast_bytes=expected,
        exceeds=exceeds(size, expected),
        state="",
    )


def forecast(index: Index, night: int, cameras: dict[str, StreamRule]) -> int:
    """Bytes to be expected: what each camera recorded on the day whose time is now up."""
    total = 0
    for camera, rule in cameras.items():
        day = night - rule.days - 1
        row = index.read().execute(
            "SELECT coalesce(sum(bytes), 0) FROM recorded_day WHERE day = ? AND camera = ?", (day, camera)
        )
        total += int(row.fetchone()[0])
    return total


def exceeds(planned_bytes: int, forecast_bytes: int) -> bool:
    """Whether a plan is so far beyond its forecast that something must be wrong: a clock, a class, a fault of ours."""
    return planned_bytes * 100 > forecast_bytes * MARGIN_PERCENT
