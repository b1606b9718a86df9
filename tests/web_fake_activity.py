"""The fake hub's activity: quiet, with a busy minute at the same place of every ten on each camera, each camera's own."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import web_fake_town as town
from web_fake_world import SECOND, World

MINUTE = 60 * SECOND


def _value(camera: str, at_us: int) -> int:
    number = [row[0] for row in town.CAMERAS].index(camera)
    return 220 if (at_us // MINUTE + number) % 10 == 0 else 12


async def activity(request: Request) -> Response:
    world: World = request.app.state.world
    query = request.query_params
    start, end, buckets = int(query["from_us"]), int(query["to_us"]), int(query["buckets"])
    step = (end - start) / buckets
    strips = []
    for camera in query["cameras"].split(","):
        moments = [int(start + (n + 0.5) * step) for n in range(buckets)]
        runs = world.runs(camera)
        values = [_value(camera, at) if any(a <= at < b for a, b, _, _ in runs) else 0 for at in moments]
        strips.append(
            {
                "id": camera,
                "stream": "sub",
                "values": values,
                "checked": [255 if value else 0 for value in values],
                "rate_control": "vbr",
                "confidence": 0.9,
                "ordered": True,
                "text": "variable bitrate: sizes follow the picture",
            }
        )
    return JSONResponse({"from_us": start, "to_us": end, "cameras": strips, "away": []})


async def moved(request: Request) -> Response:
    query = request.query_params
    start, end = int(query["from_us"]), int(query["to_us"])
    found = [at for at in range(start, end, SECOND) if _value(query["camera"], at) > 100]
    text = "Yes, once: more than 0.15% of the picture changed between keyframes." if found else "No: nothing moved."
    spans = [{"start_us": found[0], "end_us": found[-1] + SECOND, "share": 0.02}] if found else []
    total = (end - start) // SECOND
    return JSONResponse(
        {
            "id": query["camera"],
            "answer": "yes" if found else "no",
            "method": "keyframes compared",
            "text": text,
            "moved": spans,
            "recorded_s": total,
            "checked_s": total,
            "missing_s": 0,
        }
    )
