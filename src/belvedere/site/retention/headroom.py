"""How many days until a disk runs short of space, by what came in lately and what will go."""

from belvedere.foundation.clock import DAY_US
from belvedere.link.retention import DiskHeadroom
from belvedere.site.retention.plan import night_of, rules
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index

ALARM_DAYS = 7.0
LOOK_AHEAD_DAYS = 60
_LATELY_DAYS = 7
_LEAST_US = DAY_US // 24  # of recording before a rate is worth telling


def headroom(index: Index, disk: Disk, now_us: int, min_free_bytes: int, default_days: int) -> DiskHeadroom:
    """The forecast for one disk: what the last week brought comes again each day, and each day's footage goes in its time."""
    try:
        total, free = disk.files.space()
    except OSError:
        return DiskHeadroom(disk.name, 0, 0, 0, None, False, True)
    a_day = _bytes_a_day(index, disk.id, now_us)
    if a_day is None:
        return DiskHeadroom(disk.name, total, free, 0, None, False, free < min_free_bytes)
    days = _days_left(free - min_free_bytes, a_day, _going(index, disk.id, night_of(now_us), default_days))
    return DiskHeadroom(disk.name, total, free, a_day, days, True, days is not None and days < ALARM_DAYS)


def _days_left(spare: float, a_day: int, going: dict[int, int]) -> float | None:
    for day in range(LOOK_AHEAD_DAYS):
        spare += going.get(day, 0)
        if spare < a_day:
            return day + max(0.0, spare) / a_day
        spare -= a_day
    return None


def _bytes_a_day(index: Index, disk_id: int, now_us: int) -> int | None:
    """Mean of the last seven whole days; of the time since the first footage where there are none yet."""
    today = night_of(now_us)
    whole, size = (
        index.read()
        .execute(
            "SELECT count(DISTINCT day), coalesce(sum(bytes), 0) FROM recorded_day WHERE disk_id = ? AND day >= ? AND day < ?",
            (disk_id, today - _LATELY_DAYS, today),
        )
        .fetchone()
    )
    if whole:
        return int(size // whole) or None
    since_us = now_us - DAY_US
    first_us, size = (
        index.read()
        .execute(
            "SELECT min(kept_from_us), coalesce(sum(bytes), 0) FROM segment WHERE kept_from_us >= ? AND disk_id = ?",
            (since_us, disk_id),
        )
        .fetchone()
    )
    if first_us is None or now_us - first_us < _LEAST_US:
        return None
    return int(size * DAY_US // (now_us - first_us)) or None


def _going(index: Index, disk_id: int, today: int, default_days: int) -> dict[int, int]:
    """Bytes that leave the disk in each of the coming days: quarantine first, then each day in its night and a day more."""
    in_quarantine = index.read().execute("SELECT coalesce(sum(bytes), 0) FROM quarantine WHERE disk_id = ?", (disk_id,))
    going = {0: int(in_quarantine.fetchone()[0])}
    days = {rule.camera: rule.days for rule in rules(index, default_days)}
    rows = index.read().execute(
        "SELECT day, camera, bytes FROM recorded_day WHERE disk_id = ? AND day >= ?",
        (disk_id, today - max(days.values(), default=default_days) - 1),
    )
    for day, camera, size in rows.fetchall():
        gone_in = day + days.get(camera, default_days) + 2 - today
        if gone_in > 0:
            going[gone_in] = going.get(gone_in, 0) + size
    return going
