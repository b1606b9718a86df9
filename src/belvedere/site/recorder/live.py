"""What the recorder tells the live side. All of it is called on the event loop and must return at once."""

from typing import Protocol

from belvedere.media.stream import Fragment, StreamConfig


class LiveSink(Protocol):
    """Hears of everything that comes in, before it is durable. `site.live.relay.Relay` is one."""

    def config(self, camera: str, stream: str, config: StreamConfig) -> None:
        """A run began; fragments of this configuration follow."""
        ...

    def fragment(self, camera: str, stream: str, fragment: Fragment) -> None:
        """A fragment that is being recorded."""
        ...

    def frame(self, camera: str, stream: str, keyframe: bool, arrival_us: int, data: bytes) -> None:
        """One frame as moof+mdat; only while live is on for the stream."""
        ...

    def state(self, camera: str, stream: str, state: str, message: str) -> None:
        """The stream's state changed; `state` as in `link.messages.StreamStatus`."""
        ...

    def ended(self, camera: str, stream: str) -> None:
        """The run ended."""
        ...
