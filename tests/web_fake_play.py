"""Timelines, recorded and live pictures of the fake hub."""

import asyncio
import json
import struct
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

import web_fake_media as media
import web_fake_town as town
from web_fake_world import SECOND, World, now_us

SEGMENT_S = 60


def fault(status: int, code: str, message: str, advice: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message, "advice": advice}}, status_code=status)


def ranged(request: Request, data: bytes, kind: str) -> Response:
    first, last = request.headers.get("range", "bytes=0-").removeprefix("bytes=").split("-")
    start, end = int(first), min(int(last) if last else len(data) - 1, len(data) - 1)
    head = {"Content-Range": f"bytes {start}-{end}/{len(data)}", "Accept-Ranges": "bytes"}
    return Response(data[start : end + 1], status_code=206, media_type=kind, headers=head)


REASONS = {
    "camera_unreachable": "The camera could not be reached.",
    "camera_silent": "The camera sent nothing.",
    "import_end": "The imported file ended here.",
    "": "Nothing was recorded.",
}


async def timeline(request: Request) -> Response:
    world: World = request.app.state.world
    query = request.query_params
    start, end = int(query["from_us"]), int(query["to_us"])
    lanes = []
    away = sorted(world.away & set(query["cameras"].split(",")))
    for camera in query["cameras"].split(","):
        if camera in away:
            continue
        runs, gaps, at, reason = [], [], start, ""
        for first, last, imported, why in world.runs(camera):
            if last > start and first < end:
                if first > at:
                    gaps.append(
                        {"start_us": at, "end_us": first, "reason": reason or "unknown", "text": REASONS[reason]}
                    )
                runs.append(
                    {
                        "start_us": max(first, start),
                        "end_us": min(last, end),
                        "imported": imported,
                        "lost_packets": 0,
                        "growing": not why,
                    }
                )
                at = last
            reason = why
        stop = min(end, now_us())
        if stop - at > SECOND:
            gaps.append({"start_us": at, "end_us": stop, "reason": reason or "unknown", "text": REASONS[reason]})
        lanes.append({"id": camera, "runs": runs, "gaps": gaps})
    told = [{"site": "elm", "name": "Elm House", "cameras": away}] if away else []
    return JSONResponse({"from_us": start, "to_us": end, "cameras": lanes, "away": told})


def _film(camera: str) -> media.Film:
    return media.film([row[0] for row in town.CAMERAS].index(camera) % 4)


async def playlist(request: Request) -> Response:
    world: World = request.app.state.world
    camera, query = request.path_params["camera"], request.query_params
    start, end = int(query["from_us"]), int(query["to_us"])
    film, lines, growing, last_run = _film(camera), [], False, -1
    sizes = [len(film.gop(k)) for k in range(10)]
    for number, (first, last, _imported, why) in enumerate(world.runs(camera)):
        whole = (last - first) // SECOND
        low, high = max(0, (start - first) // SECOND), min(whole, -(-(end - first) // SECOND))
        for gop in range(low, high):
            if number != last_run:
                if last_run >= 0:
                    lines.append("#EXT-X-DISCONTINUITY")
                lines.append(f'#EXT-X-MAP:URI="/api/play/{camera}/sub/init/0.mp4?grant={query["grant"]}"')
                last_run = number
            stamp = (first + gop * SECOND) / SECOND
            iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp)) + f".{int(stamp * 1000) % 1000:03d}Z"
            segment, offset = gop // SEGMENT_S, sum(sizes[k % 10] for k in range(gop // SEGMENT_S * SEGMENT_S, gop))
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{iso}")
            lines.append(f"#EXTINF:1.0,\n#EXT-X-BYTERANGE:{sizes[gop % 10]}@{offset}")
            lines.append(f"/api/play/{camera}/sub/{number * 100000 + segment}.m4s?grant={query['grant']}")
        growing = growing or (not why and high >= whole > low)
    if last_run < 0:
        return fault(404, "not_found", "No footage of this camera in that time.", "Choose another time.")
    head = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:1",
        f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if growing else 'VOD'}",
    ]
    tail = [] if growing else ["#EXT-X-ENDLIST"]
    return Response("\n".join([*head, *lines, *tail, ""]), media_type="application/vnd.apple.mpegurl")


async def init(request: Request) -> Response:
    return Response(_film(request.path_params["camera"]).init, media_type="video/mp4")


async def segment(request: Request) -> Response:
    number = int(request.path_params["segment"]) % 100000
    film = _film(request.path_params["camera"])
    data = b"".join(film.gop(number * SEGMENT_S + k) for k in range(SEGMENT_S))
    return ranged(request, data, "video/iso.segment")


async def live(socket_: WebSocket) -> None:
    """Frames at their pace, one task a tile; a tile in trouble is told its state only."""
    world: World = socket_.app.state.world
    await socket_.accept()
    tasks: dict[int, asyncio.Task[None]] = {}
    lock = asyncio.Lock()

    async def say(word: dict[str, Any]) -> None:
        async with lock:
            await socket_.send_text(json.dumps(word))

    async def part(tile: int, flags: int, data: bytes) -> None:
        async with lock:
            await socket_.send_bytes(struct.pack(">HBBIQ", tile, flags, 0, 0, now_us()) + data)

    async def show(tile: int, camera: str) -> None:
        state = world.states.get(camera, "recording")
        if state != "recording":
            await say({"op": "state", "tile": tile, "state": state, "message": ""})
            return
        film = _film(camera)
        start = {"op": "start", "tile": tile, "codec": "h264", "codec_string": film.codec_string}
        await say(start | {"width": film.width, "height": film.height})
        await part(tile, 1, film.init)
        frame = (int(time.time()) % 5000) * media.FPS
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await part(tile, 2 if frame % media.GOP_FRAMES == 0 else 0, film.frame(frame))
            frame += 1
            due += 1 / media.FPS
            await asyncio.sleep(max(0.0, due - loop.time()))

    try:
        while True:
            word = json.loads(await socket_.receive_text())
            if word["op"] == "play":
                tasks[word["tile"]] = asyncio.create_task(show(word["tile"], word["camera"]))
            elif word["tile"] in tasks:
                tasks.pop(word["tile"]).cancel()
    except WebSocketDisconnect:
        pass
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
