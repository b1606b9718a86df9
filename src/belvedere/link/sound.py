"""Messages about cameras' sound. Sound itself travels as footage of the stream `audio`, to exports only."""

from belvedere.link.messages import Reply, Request


class SetSound(Request, frozen=True, tag="set_sound"):
    """Record a camera's sound, or stop; answered with `Answer`. Local administration only. `because` is needed for `on`."""

    camera: str
    on: bool
    because: str
    set_by: str


REQUESTS: tuple[type[Request], ...] = (SetSound,)
REPLIES: tuple[type[Reply], ...] = ()
