"""An object as an HTTP answer, with ranges (RFC 9110, section 14), wherever it lies."""

import re
from collections.abc import Iterator

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from belvedere.hub.objects.shelf import Readable

_ONE_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def object_answer(
    request: Request, found: Readable, filename: str, media_type: str, after: BackgroundTask | None = None
) -> Response:
    """`found` as a download. Files on this machine go out as files do; others are read from their store as they go.

    Several ranges at once are answered with the whole object, as RFC 9110 allows.
    """
    if found.path is not None:
        return FileResponse(found.path, media_type=media_type, filename=filename, background=after)
    words = request.headers.get("range", "")
    span = None if request.headers.get("if-range") else _ONE_RANGE.fullmatch(words.strip())
    headers = {"accept-ranges": "bytes", "content-disposition": f'attachment; filename="{filename}"'}
    start, end, status = 0, found.size, 200
    if span is not None and (span[1] or span[2]):
        if span[1]:
            start, end = int(span[1]), min(found.size, int(span[2]) + 1) if span[2] else found.size
        else:
            start = max(0, found.size - int(span[2]))
        if start >= end:
            return Response(status_code=416, headers={"content-range": f"bytes */{found.size}"})
        status = 206
        headers["content-range"] = f"bytes {start}-{end - 1}/{found.size}"
    headers["content-length"] = str(end - start)

    def body() -> Iterator[bytes | memoryview]:
        yield from found.read(start, end)

    return StreamingResponse(body(), status, headers, media_type, after)
