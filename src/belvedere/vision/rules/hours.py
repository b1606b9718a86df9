"""When a rule watches."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from belvedere.foundation.clock import SECOND_US
from belvedere.link.rules import Window


def watches(windows: Sequence[Window], zone_name: str, time_us: int) -> bool:
    """Whether one of `windows` is open at a moment; without windows always. A window that passes midnight belongs to the day
    on which it opens. On the night in which clocks change it is open as the clock on the wall says."""
    if not windows:
        return True
    here = datetime.fromtimestamp(time_us / SECOND_US, ZoneInfo(zone_name))
    minute, today = here.hour * 60 + here.minute, here.weekday()
    yesterday = (here.date() - timedelta(days=1)).weekday()
    for window in windows:
        first, end = window.from_minute, window.to_minute
        if first < end:
            open_now = today in window.days and first <= minute < end
        elif first == end:
            open_now = today in window.days
        else:
            open_now = (today in window.days and minute >= first) or (yesterday in window.days and minute < end)
        if open_now:
            return True
    return False
