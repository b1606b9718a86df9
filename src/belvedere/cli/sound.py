"""`belvedere camera audio CAMERA`: whether a camera's sound is recorded. Off unless somebody says why it must be on."""

import getpass
from typing import Annotated

import typer
from rich.console import Console

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import iso
from belvedere.foundation.errors import BadInput, NotFound, Refused
from belvedere.foundation.settings import load_settings

_console = Console(highlight=False, soft_wrap=True)


def audio(
    camera: Annotated[str, typer.Argument(help="Its slug, as in `belvedere camera list`.")],
    on: Annotated[bool, typer.Option("--on", help="Record its sound from now on.")] = False,
    off: Annotated[bool, typer.Option("--off", help="Stop recording its sound.")] = False,
    because: Annotated[
        str, typer.Option("--because", help="Why sound is needed here, in 20 letters or more. Kept with the camera.")
    ] = "",
    by: Annotated[str, typer.Option("--by", help="Who decided; the name you are logged in with when not given.")] = "",
    data: DataOption = REAL_DATA,
) -> None:
    """Say whether a camera's sound is recorded, or switch it. Switching opens the camera's connection anew."""
    from belvedere.cli.local import local_site
    from belvedere.hub.register.cameras import open_register
    from belvedere.link.messages import Answer
    from belvedere.link.sound import SetSound

    if on and off:
        raise BadInput("Both --on and --off were given.", advice="Give one of them.")
    settings = load_settings(data)
    if on and settings.hub.access == "four_eyes":
        raise Refused(
            "This hub works by four eyes: a second person confirms that sound is recorded.",
            advice="Ask for it in the control room: Cameras, the camera, Sound.",
        )
    with local_site(settings) as link:
        if on or off:
            decided_by = (by or getpass.getuser()).strip()
            link.ask(SetSound(camera, on, because, decided_by), Answer)
            with open_register(settings) as register:  # the hub enters it in its log
                facts = {"camera": camera, "reason": because.strip(), "decided_by": decided_by}
                register.note("camera.sound_on" if on else "camera.sound_off", facts)
        found = next((each for each in link.status().cameras if each.camera == camera), None)
    if found is None:
        raise NotFound(f"There is no camera {camera}.", advice="`belvedere camera list` names them.")
    sound = found.sound
    if sound is None or not sound.on:
        _console.print(f"The sound of {camera} is not recorded.", markup=False)
        return
    _console.print(f"The sound of {camera} is recorded: {sound.stream.message or sound.stream.state}", markup=False)
    when = iso(sound.set_us)[:19].replace("T", " ")
    _console.print(f"Switched on by {sound.set_by}, {when} UTC, because: {sound.because}", markup=False)
