"""The same questions without `async`, for the command line."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from belvedere.link.client import SiteLink
from belvedere.link.messages import Init, Playlist, Reply, Request, SiteStatus, Timeline

_Reply = TypeVar("_Reply", bound=Reply)


class BlockingSiteLink:
    """A `SiteLink` for one thread that has no event loop. Use it in a `with` block; see `SiteLink` for what each call means."""

    def __init__(self, path: Path) -> None:
        self._runner = asyncio.Runner()
        self._link = SiteLink(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._runner.run(self._link.close())
        self._runner.close()

    def ask(self, request: Request, kind: type[_Reply], *, reuse: bool = True) -> _Reply:
        return self._runner.run(self._link.ask(request, kind, reuse=reuse))

    def status(self) -> SiteStatus:
        return self._runner.run(self._link.status())

    def timeline(self, cameras: Sequence[str], stream: str, from_us: int, to_us: int) -> Timeline:
        return self._runner.run(self._link.timeline(cameras, stream, from_us, to_us))

    def playlist(self, grant: bytes, camera: str, stream: str, from_us: int, to_us: int) -> Playlist:
        return self._runner.run(self._link.playlist(grant, camera, stream, from_us, to_us))

    def init(self, grant: bytes, camera: str, config_id: str) -> Init:
        return self._runner.run(self._link.init(grant, camera, config_id))

    def put_camera(self, camera: str, name: str, main_url: str, sub_url: str, enabled: bool = True) -> None:
        self._runner.run(self._link.put_camera(camera, name, main_url, sub_url, enabled))

    def remove_camera(self, camera: str) -> None:
        self._runner.run(self._link.remove_camera(camera))

    def read_footage(
        self, grant: bytes, action: str, camera: str, stream: str, segment: int, start: int, end: int
    ) -> Iterator[bytes]:
        parts = self._link.read_footage(grant, action, camera, stream, segment, start, end)

        async def following() -> bytes | None:
            return await anext(parts, None)

        try:
            while (part := self._runner.run(following())) is not None:
                yield part
        finally:
            self._runner.run(parts.aclose())
