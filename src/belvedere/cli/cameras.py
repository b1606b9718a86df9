"""`belvedere camera add | list | test | remove`."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import iso
from belvedere.foundation.errors import BadInput, BelvedereError
from belvedere.foundation.ids import slug
from belvedere.foundation.settings import Settings, load_settings

if TYPE_CHECKING:
    from belvedere.site.ingest.probe import ProbeReport

app = typer.Typer(help="Add, list, test and remove cameras.", no_args_is_help=True)
_USUAL_FOV_DEG = 80.0
_USUAL_RANGE_M = 30.0
_console = Console(highlight=False, soft_wrap=True)


def parse_place(text: str) -> tuple[float, float] | None:
    """(latitude, longitude) of `51.5,-0.1`; None for ""."""
    if not text:
        return None
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError as error:
        raise BadInput(f"--at {text!r} is no place.", advice="Write latitude,longitude: 51.5074,-0.1278.") from error
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise BadInput(f"--at {text!r} is not on the Earth.", advice="Write latitude,longitude: 51.5074,-0.1278.")
    return lat, lon


def show(report: "ProbeReport", title: str) -> None:
    """What a camera told of itself, in words."""
    _console.print(f"[bold]{title}[/bold]")
    _console.print(f"  codec       {report.codec} {report.profile}, {report.width} x {report.height}")
    _console.print(f"  frame rate  {report.fps:.1f} a second, keyframe every {report.gop_seconds:.1f} s")
    _console.print(f"  bit rate    {report.bits_per_second / 1e6:.2f} Mbit/s")
    if report.clock_error_us is None:
        _console.print("  clock       not told by the camera (no RTCP sender report)")
    else:
        _console.print(f"  clock       {report.clock_error_us / 1e6:+.2f} s against this machine")
    for problem in report.problems:
        _console.print(f"  [yellow]note[/yellow]        {problem}")
    if not report.problems:
        _console.print("  nothing wrong was found")


@app.command("test")
def test_camera(
    url: Annotated[str, typer.Argument(help="rtsp://user:password@host/path; also rtsp+udp, http, https, udp")],
    seconds: Annotated[float, typer.Option("--seconds", help="How long to watch.", min=1, max=60)] = 4.0,
) -> None:
    """Connect to a camera, watch it for a moment, and say what it sends and what is wrong with it. Changes nothing."""
    from belvedere.site.ingest.address import split_address
    from belvedere.site.ingest.probe import probe

    address, username, password = split_address(url)
    show(probe(address, username, password, seconds), address)


@app.command("add")
def add_camera(
    url: Annotated[
        str, typer.Argument(help="rtsp://user:password@host/path of the main stream; also rtsp+udp, http, https, udp")
    ],
    name: Annotated[str, typer.Option("--name", help="Name that people know it by.")],
    at: Annotated[str, typer.Option("--at", help="Where it is: latitude,longitude.")] = "",
    sub: Annotated[str, typer.Option("--sub", help="Address of the small stream, for tiles and analysis.")] = "",
    bearing: Annotated[float | None, typer.Option("--bearing", help="Degrees clockwise from north.")] = None,
    fov: Annotated[float | None, typer.Option("--fov", help="Horizontal field of view in degrees.")] = None,
    reach: Annotated[float | None, typer.Option("--range", help="How far it sees, in metres.")] = None,
    place: Annotated[str, typer.Option("--place", help="Where it is, in words.")] = "",
    identity: Annotated[str, typer.Option("--id", help="Slug; made from the name when not given.")] = "",
    test: Annotated[bool, typer.Option(help="Try the camera first.")] = True,
    data: DataOption = REAL_DATA,
) -> None:
    """Add a camera and start recording it. Its password is stored encrypted and never shown again."""
    # Here and below: what takes long to load is loaded by the command that needs it, so that `demo` starts at once.
    from belvedere.cli.local import local_site
    from belvedere.hub.register.cameras import Camera, open_register
    from belvedere.site.ingest.address import split_address
    from belvedere.site.ingest.probe import probe

    settings = load_settings(data)
    where = parse_place(at)
    camera = identity or slug(name)
    if not camera or slug(camera) != camera:
        raise BadInput(
            f"{camera or name!r} can't name a camera.", advice="Give --id: lower-case letters, digits, hyphens."
        )
    view: tuple[float | None, float | None, float | None] = (None, None, None)
    if bearing is not None:
        view = (bearing, fov or _USUAL_FOV_DEG, reach or _USUAL_RANGE_M)
    entry = Camera(
        id=camera,
        site=settings.site.id,
        name=name,
        place=place,
        lat=where[0] if where else None,
        lon=where[1] if where else None,
        bearing_deg=view[0],
        fov_deg=view[1],
        range_m=view[2],
    )
    for address in filter(None, (url, sub)):
        plain, username, password = split_address(address)
        if not test:
            continue
        try:
            show(probe(plain, username, password), plain)
        except BelvedereError as error:
            error.advice = f"{error.advice} To add it all the same, use --no-test.".strip()
            raise
    with open_register(settings) as register:
        register.put_camera(entry)
    with local_site(settings) as link:
        link.put_camera(camera, name, url, sub)
    _console.print(f"Camera [bold]{camera}[/bold] is added. Recording starts within a few seconds when Belvedere runs.")


@app.command("list")
def list_cameras(
    as_csv: Annotated[
        bool, typer.Option("--csv", help="As CSV for `camera import`, without user names and passwords.")
    ] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """The cameras of this site and how they are."""
    from belvedere.cli.local import local_site

    if as_csv:
        from belvedere.cli.camera_sheet import print_sheet

        print_sheet(data)
        return
    with local_site(load_settings(data)) as link:
        status = link.status()
    table = Table(
        "camera", "stream", "state", "picture", "a second", "Mbit/s", "last frame (UTC)", box=None, pad_edge=False
    )
    for camera in status.cameras:
        if not camera.streams:
            table.add_row(camera.camera, "", "imported only", "", "", "", "")
        for stream in camera.streams:
            picture = f"{stream.codec} {stream.width}x{stream.height}" if stream.width else ""
            last = iso(stream.last_frame_us)[:19].replace("T", " ") if stream.last_frame_us else "never"
            rate = f"{stream.bits_per_second / 1e6:.1f}" if stream.fps else ""
            fps = f"{stream.fps:.0f}" if stream.fps else ""
            table.add_row(camera.camera, stream.stream, stream.state, picture, fps, rate, last)
    _console.print(table)
    for camera in status.cameras:
        for stream in camera.streams:
            if stream.state not in ("recording", "off", "imported") and stream.message:
                _console.print(f"{camera.camera}, {stream.stream}: {stream.message}", markup=False)


@app.command("remove")
def remove_camera(
    camera: Annotated[str, typer.Argument(help="Its slug, as in `belvedere camera list`.")],
    data: DataOption = REAL_DATA,
) -> None:
    """Stop recording a camera. Footage that was recorded stays until its retention ends."""
    from belvedere.cli.local import local_site
    from belvedere.hub.register.cameras import open_register

    settings = load_settings(data)
    with local_site(settings) as link:
        link.remove_camera(camera)
    with open_register(settings) as register:
        register.remove_camera(camera)
    _console.print(f"Camera {camera} is removed. Its footage stays until its retention ends.")


def register_only(settings: Settings, camera: str) -> None:
    """Note in the hub's register a camera that exists to hold imported footage."""
    from belvedere.hub.register.cameras import Camera, open_register

    with open_register(settings) as register:
        register.put_camera(Camera(id=camera, site=settings.site.id, name=camera))
