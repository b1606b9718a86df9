"""`belvedere camera find | onvif | archive`: cameras on the network, what one says of itself, and what a recorder holds."""

import asyncio
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from belvedere.cli.camera_guess import ask_password
from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import SECOND_US, SystemClock, iso, parse_iso
from belvedere.foundation.errors import BadInput, CameraFault
from belvedere.foundation.settings import load_settings
from belvedere.link.devices import (
    DeviceArchive,
    DeviceFacts,
    GetDeviceArchive,
    GetDevices,
    GetPulls,
    PullArchive,
    Pulls,
    PutDevice,
)
from belvedere.link.devices import (
    Devices as DeviceStates,
)
from belvedere.link.messages import Answer

_console = Console(highlight=False, soft_wrap=True)
_LOOK_EVERY_S = 1.0
_PATIENCE_US = 60 * SECOND_US


def find(
    network: Annotated[
        list[str] | None, typer.Option("--network", help="Only this network; may be given several times.")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="How long to listen.", min=0.1, max=60)] = 4.0,
    port: Annotated[int, typer.Option("--port", help="Port of WS-Discovery.", min=1, max=65535)] = 3702,
    data: DataOption = REAL_DATA,
) -> None:
    """Ask the networks named in the settings for ONVIF cameras. Connects to nothing and adds nothing."""
    from belvedere.site.onvif.discovery import allowed_networks, search

    networks = allowed_networks(load_settings(data).site.camera_networks, network or ())
    done = asyncio.run(search(networks, seconds=seconds, port=port))
    table = Table("address", "name", "hardware", "profiles", "", box=None, pad_edge=False)
    for each in done.found:
        note = "names another host; its own is used" if each.named_other_host else ""
        table.add_row(each.address, each.name, each.hardware, " ".join(each.profiles), note)
    if done.found:
        _console.print(table)
    names = ", ".join(str(each) for each in networks)
    _console.print(f"{len(done.found)} answered of {done.asked} addresses in {names}.", markup=False)
    _console.print("Look at one with: belvedere camera onvif ADDRESS --user NAME")


def onvif(
    host: Annotated[str, typer.Argument(help="Host, host:port, or the whole address that `camera find` shows.")],
    user: Annotated[str, typer.Option("--user", help="User name; the password is asked for.")] = "",
    attach: Annotated[
        str,
        typer.Option("--attach", help="Camera of this site that it is: its clock and events are watched from now on."),
    ] = "",
    detach: Annotated[bool, typer.Option("--detach", help="With --attach: stop watching it instead.")] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """Log in to an ONVIF device; show its clock, streams and abilities, and propose addresses to record. Changes nothing in it."""
    from belvedere.cli.local import local_site
    from belvedere.site.onvif.pinning import service_address

    if detach:
        if not attach:
            raise BadInput("It is not said which camera.", advice="Give --attach CAMERA --detach.")
        with local_site(load_settings(data)) as link:
            link.ask(PutDevice(attach, "", "", ""), Answer, reuse=False)
        _console.print(f"Camera {attach} is no longer watched through ONVIF.", markup=False)
        return
    place, username, password = service_address(host)
    if user:
        username, password = user, ask_password(f"Password of {user}", from_stdin=password_stdin)
    facts = asyncio.run(_look(place.url, username, password))
    _show(facts)
    if attach:
        with local_site(load_settings(data)) as link:
            link.ask(PutDevice(attach, place.url, username, password), Answer, reuse=False)
        _console.print(f"Camera {attach} is watched through ONVIF from now on: clock and events.", markup=False)


async def _look(address: str, username: str, password: str) -> DeviceFacts:
    from belvedere.site.onvif.device import Device
    from belvedere.site.onvif.facts import describe
    from belvedere.site.onvif.pinning import service_address
    from belvedere.site.onvif.web import Web

    place, _, _ = service_address(address)
    async with Web() as web:
        return await describe(Device(web, place, username, password, SystemClock()))


def _show(facts: DeviceFacts) -> None:
    say = _console.print
    say(f"{facts.manufacturer} {facts.model}".strip() or facts.address, style="bold", markup=False)
    say(f"  firmware    {facts.firmware or 'not told'}", markup=False)
    say(f"  serial      {facts.serial or 'not told'}", markup=False)
    error, within = facts.clock_error_us / SECOND_US, facts.clock_uncertainty_us / SECOND_US
    say(f"  clock       {error:+.1f} s against this machine, within {within:.1f} s")
    say(f"  services    {', '.join(facts.services) or 'none'}", markup=False)
    able = [word for word, name in (("events", "events"), ("archive", "replay")) if name in facts.services]
    if any(stream.ptz for stream in facts.streams) and "ptz" in facts.services:
        able.append("can be moved")
    say(f"  abilities   {', '.join(able) or 'pictures only'}")
    table = Table("profile", "lens", "codec", "picture", "a second", "Mbit/s", "address", box=None, pad_edge=False)
    for each in facts.streams:
        table.add_row(
            each.name or each.token,
            each.source,
            each.codec,
            f"{each.width}x{each.height}" if each.width else "",
            f"{each.fps:.0f}" if each.fps else "",
            f"{each.bits_per_second / 1e6:.1f}" if each.bits_per_second else "",
            each.url,
        )
    if facts.streams:
        say(table)
    for lens in facts.proposals:
        say(f"To record {lens.source or 'it'}, with the user name and password put in:")
        sub = f" --sub {lens.sub_url!r}" if lens.sub_url else ""
        say(f"  belvedere camera add {lens.main_url!r}{sub} --name NAME", markup=False)
    for note in facts.notes:
        say(f"  note        {note}", markup=False)


def _time(text: str, option: str) -> int:
    try:
        return parse_iso(text)
    except ValueError as error:
        raise BadInput(f"{option} {text!r} is no time: {error}.", advice="Write it as 2026-11-21T21:00:00Z.") from error


def archive(
    camera: Annotated[str, typer.Argument(help="Camera of this site with an ONVIF device (`camera onvif --attach`).")],
    pull: Annotated[str, typer.Option("--pull", help="Bring in a span of this recording.")] = "",
    start: Annotated[str, typer.Option("--from", help="First moment in true time: 2026-11-21T21:00:00Z.")] = "",
    end: Annotated[str, typer.Option("--to", help="Last moment.")] = "",
    stream: Annotated[str, typer.Option("--stream", help="main or sub.")] = "main",
    clock_error: Annotated[
        float | None,
        typer.Option("--clock-error", help="Seconds that its clock was ahead then; as measured now when not given."),
    ] = None,
    data: DataOption = REAL_DATA,
) -> None:
    """List what a camera or recorder itself has recorded (ONVIF Profile G), or bring a span of it in as footage."""
    from belvedere.cli.local import local_site
    from belvedere.link.blocking import BlockingSiteLink

    def wait_for_device(link: BlockingSiteLink) -> None:
        clock = SystemClock()
        until_us = clock.monotonic_us() + _PATIENCE_US
        while clock.monotonic_us() < until_us:
            states = {each.camera: each for each in link.ask(GetDevices(), DeviceStates).devices}
            if camera not in states:
                raise BadInput(
                    f"Camera {camera} has no ONVIF device.",
                    advice=f"Attach it: belvedere camera onvif HOST --user NAME --attach {camera}.",
                )
            if states[camera].state == "watching":
                return
            if states[camera].message:
                raise CameraFault(states[camera].message)
            time.sleep(_LOOK_EVERY_S)

    with local_site(load_settings(data)) as link:
        wait_for_device(link)
        if not pull:
            held = link.ask(GetDeviceArchive(camera), DeviceArchive)
            table = Table("recording", "name", "from", "to", "", box=None, pad_edge=False)
            for each in held.recordings:
                # Its times are by its own clock; true ones are shown, as they are asked for.
                spans = [
                    iso(us - held.clock_error_us)[:19] + "Z" if us else "" for us in (each.earliest_us, each.latest_us)
                ]
                table.add_row(each.token, each.name, *spans, "recording" if each.open else "")
            _console.print(table)
            _console.print(
                f"Its clock is {held.clock_error_us / SECOND_US:+.1f} s against this machine; times here are corrected by that."
            )
            return
        if not start or not end:
            raise BadInput("It is not said which span.", advice="Give --from and --to.")
        error_us = None if clock_error is None else round(clock_error * SECOND_US)
        link.ask(
            PullArchive(camera, pull, _time(start, "--from"), _time(end, "--to"), stream, error_us), Answer, reuse=False
        )
        while True:
            state = next(each for each in reversed(link.ask(GetPulls(), Pulls).pulls) if each.camera == camera)
            if state.state != "running":
                break
            _console.print(f"at {iso(state.end_us)}")
            time.sleep(_LOOK_EVERY_S)
        if state.state == "failed":
            raise CameraFault(state.message)
        _console.print(f"{state.frames} frames up to {iso(state.end_us)} were brought in, in {state.runs} parts.")
        if state.message:
            _console.print(state.message, markup=False)
