"""Sound at the recorder: which cameras' is wanted, what is told of it, and switching it."""

from collections.abc import Callable, Mapping
from typing import Any

from belvedere.link.messages import Answer, Reply, Request, SoundStatus
from belvedere.link.sound import SetSound
from belvedere.media.stream import Fragment, StreamConfig, StreamKind
from belvedere.site.ingest.address import own_client
from belvedere.site.recorder.feed import Feed, idle_status
from belvedere.site.recorder.live import LiveSink
from belvedere.site.storage.cameras import Camera
from belvedere.site.storage.sound import SoundBook, SoundSetting

ELSEWHERE = "Sound is recorded over rtsp:// addresses only."


def hears(camera: Camera, on: frozenset[str]) -> bool:
    """Whether a stream of sound belongs beside the camera's main stream. `on`: cameras whose sound is switched on."""
    address = camera.addresses.get(StreamKind.MAIN)
    return camera.enabled and camera.slug in on and address is not None and own_client(address.url)


def sound_status(camera: Camera, setting: SoundSetting | None, feed: Feed | None) -> SoundStatus | None:
    """What a camera's status says about its sound; None where it was never spoken of."""
    if setting is None:
        return None
    if feed is not None:
        stream = feed.status()
    elif setting.on and camera.enabled and camera.addresses:
        stream = idle_status(StreamKind.AUDIO, "refused", ELSEWHERE)
    else:
        stream = idle_status(StreamKind.AUDIO, "off")
    return SoundStatus(setting.on, setting.because, setting.set_by, setting.set_us, stream)


class SoundDesk:
    """Answers what the site is asked about sound."""

    def __init__(self, book: SoundBook, changed: Callable[[], None]) -> None:
        """`changed` is called after each switching, in any thread."""
        self._book = book
        self._changed = changed

    def answers(self) -> Mapping[type[Request], Callable[[Any], Reply]]:
        """For `serve_link`."""
        return {SetSound: self._set}

    def _set(self, request: SetSound) -> Reply:
        self._book.switch(request.camera, request.on, request.because, request.set_by)
        self._changed()
        return Answer()


class PicturesOnly:
    """A live side that hears of pictures and never of sound: there is no live sound."""

    def __init__(self, sink: LiveSink) -> None:
        self._sink = sink

    def config(self, camera: str, stream: str, config: StreamConfig) -> None:
        if stream != StreamKind.AUDIO:
            self._sink.config(camera, stream, config)

    def fragment(self, camera: str, stream: str, fragment: Fragment) -> None:
        if stream != StreamKind.AUDIO:
            self._sink.fragment(camera, stream, fragment)

    def frame(self, camera: str, stream: str, keyframe: bool, arrival_us: int, data: bytes) -> None:
        if stream != StreamKind.AUDIO:
            self._sink.frame(camera, stream, keyframe, arrival_us, data)

    def state(self, camera: str, stream: str, state: str, message: str) -> None:
        if stream != StreamKind.AUDIO:
            self._sink.state(camera, stream, state, message)

    def ended(self, camera: str, stream: str) -> None:
        if stream != StreamKind.AUDIO:
            self._sink.ended(camera, stream)
