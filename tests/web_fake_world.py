"""What the fake hub knows: people signed in, accesses, exports, and a past made of runs and gaps."""

import time
from typing import Any

import web_fake_town as town

SECOND = 1_000_000
HOUR = 3600 * SECOND


def now_us() -> int:
    return time.time_ns() // 1000


class World:
    """State of one fake hub: sessions, grants, exports, and a past."""

    def __init__(self) -> None:
        self.started_us = now_us() // SECOND * SECOND
        self.sessions: dict[str, dict[str, Any]] = {}
        self.grants: dict[str, dict[str, Any]] = {}
        self.exports: dict[str, dict[str, Any]] = {}
        self.entries: list[dict[str, Any]] = []
        self.tiles = town.pmtiles()
        self.states = {"bin-store": "denied", "ball-court": "waiting"}
        self.must_change = {"new"}
        self.away: set[str] = set()  # cameras of the site Elm House while it is away

    def log(self, kind: str, summary: str, **facts: Any) -> None:
        self.entries.append(
            {"index": len(self.entries) + 41, "time_us": now_us(), "kind": kind, "summary": summary, "facts": facts}
        )

    def runs(self, camera: str) -> list[tuple[int, int, bool, str]]:
        """(start, end, imported, why it ended) of one camera; the last one grows unless the camera is in trouble."""
        number = [row[0] for row in town.CAMERAS].index(camera)
        base = self.started_us
        night = base - base % (24 * HOUR) - 3 * HOUR - HOUR // 2  # 20:30 UTC yesterday
        night = min(
            night, base - 6 * HOUR - 600 * SECOND
        )  # in the small hours earlier: nothing follows for ten minutes
        out = [(night + number * 20 * SECOND, night + 2 * HOUR, True, "import_end")]
        out.append((base - 4 * HOUR, base - 2 * HOUR - number * 60 * SECOND, False, "camera_unreachable"))
        if camera not in self.states:
            out.append((base - 2 * HOUR + 300 * SECOND, now_us(), False, ""))
        else:
            out.append((base - 2 * HOUR + 300 * SECOND, base - 1500 * SECOND, False, "camera_silent"))
        return out

    def camera(self, row: tuple[Any, ...]) -> dict[str, Any]:
        name, number = row[0], town.CAMERAS.index(row)
        state = self.states.get(name, "recording")
        lon, lat = town.position(row[3], row[4])
        message = {"denied": "The camera refused the password.", "waiting": "No frame for 25 minutes."}.get(state, "")

        def stream(width: int, height: int, rate: float) -> dict[str, Any]:
            return {
                "state": state,
                "message": message,
                "codec": "h264",
                "width": width,
                "height": height,
                "fps": 15.0 if number % 3 else 25.0,
                "bits_per_second": rate if state == "recording" else 0.0,
                "gop_seconds": 2.0,
                "last_frame_us": now_us() if state == "recording" else self.started_us - 1500 * SECOND,
                "reconnects": number % 4,
                "lost_packets": 0,
                "clock_error_us": None if state == "denied" else (number - 5) * 9_400_000,
            }

        return {
            "id": name,
            "name": row[1],
            "site": "alder",
            "place": row[2],
            "lat": lat,
            "lon": lon,
            "bearing_deg": row[5],
            "fov_deg": row[6],
            "range_m": row[7],
            "height_m": 5.5,
            "view": town.view(*row[3:8]),
            "main": stream(1920, 1080, 2.4e6),
            "sub": stream(640, 360, 3.6e5),
            "state": state,
            "message": message,
            "first_us": self.started_us - 30 * 24 * HOUR,
            "bytes_kept": 880_000_000_000 + number * 7_000_000_000,
        }
