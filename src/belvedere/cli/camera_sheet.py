"""`belvedere camera import FILE.csv`, and `camera list --csv`: many cameras at once, from and to a spreadsheet."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.errors import BadInput, BelvedereError, CameraDenied
from belvedere.foundation.settings import Settings, load_settings

if TYPE_CHECKING:
    from belvedere.hub.register.cameras import Camera
    from belvedere.link.blocking import BlockingSiteLink
    from belvedere.site.imports.sheet import SheetFault, SheetRow

_WIDE = 160
_console = Console(highlight=False, soft_wrap=True)


def print_table(table: Table) -> None:
    """A table that is not squeezed when it goes to a file."""
    (_console if _console.is_terminal else Console(highlight=False, width=_WIDE)).print(table)


def import_sheet(
    file: Annotated[Path, typer.Argument(help="CSV file; --template writes one to start from.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
    good_rows: Annotated[
        bool, typer.Option("--good-rows", help="Take in the good rows though others are bad.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Change cameras that are there already.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Try each camera first; slow.")] = False,
    template: Annotated[bool, typer.Option("--template", help="Write an example to FILE and end.")] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """Add the cameras of a CSV file: all of them, or none when a row is bad."""
    from belvedere.cli.local import local_site
    from belvedere.link.cameras import Addresses, GetAddresses
    from belvedere.site.imports.sheet import against_known, read_sheet
    from belvedere.site.imports.sheet_file import template as example

    if template:
        try:
            with file.open("xb") as out:
                out.write(example())
        except FileExistsError as error:
            raise BadInput(f"{file} exists already.", advice="Choose another name.") from error
        _console.print(f"{file} is written. Its columns: docs/guide/add-a-camera.md.", markup=False)
        return
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} can't be read: {error.strerror}.", advice="Check the name.") from error
    sheet = read_sheet(content)
    settings = load_settings(data)
    with local_site(settings) as link:
        known = {each.camera: each.main_url for each in link.ask(GetAddresses(), Addresses).cameras}
        rows, clashes = against_known(sheet.rows, known, replace=replace)
        faults = sorted([*sheet.faults, *clashes], key=lambda fault: (fault.line, fault.column))
        if test and (good_rows or not faults):
            rows, unreached = _tried(rows)
            faults += unreached
        for remark in sheet.remarks:
            _console.print(f"[yellow]look[/yellow]  {escape(remark)}")
        if faults:
            _show_faults(faults)
        if faults and not good_rows:
            bad = len({fault.line for fault in faults})
            _console.print(f"Nothing was added: {bad} rows are bad. Mend them, or use --good-rows.")
            raise typer.Exit(1)
        _show_rows(rows, known)
        if dry_run or not rows:
            _console.print("Nothing was changed.")
        else:
            _put(settings, link, rows)
            _console.print(f"{len(rows)} cameras are in. Recording starts within a few seconds when Belvedere runs.")
    if faults:
        raise typer.Exit(1)


def _tried(rows: "list[SheetRow]") -> "tuple[list[SheetRow], list[SheetFault]]":
    """Rows whose cameras answered. A device that refused a password is not asked again for its other channels."""
    from belvedere.site.imports.sheet import SheetFault
    from belvedere.site.ingest.address import host_and_port, split_address
    from belvedere.site.ingest.probe import probe

    good, faults = [], []
    refused: dict[str, str] = {}
    for row in rows:
        try:
            for url in filter(None, (row.main_url, row.sub_url)):
                clean, username, password = split_address(url)
                host = host_and_port(clean)[0]
                if host in refused:
                    raise CameraDenied(refused[host], advice="It was not asked again, so that no account is locked.")
                try:
                    report = probe(clean, username, password, 1.0)
                except CameraDenied as error:
                    refused[host] = error.message
                    raise
                _console.print(
                    f"line {row.line}, {row.id}: {report.codec} {report.width}x{report.height}", markup=False
                )
            good.append(row)
        except BelvedereError as error:
            faults.append(SheetFault(row.line, "main", error.message, error.advice))
    return good, faults


def _show_faults(faults: "list[SheetFault]") -> None:
    table = Table("line", "column", "what is wrong", "what to do", box=None, pad_edge=False)
    for fault in faults:
        table.add_row(str(fault.line), fault.column, escape(fault.message), escape(fault.advice))
    print_table(table)


def _show_rows(rows: "list[SheetRow]", known: dict[str, str]) -> None:
    table = Table("line", "camera", "name", "position", "address", "", box=None, pad_edge=False)
    for row in rows:
        from belvedere.site.ingest.address import split_address

        place = f"{row.lat:.5f}, {row.lon:.5f}" if row.lat is not None and row.lon is not None else ""
        address = split_address(row.main_url)[0] if row.main_url else "as it is" if row.keeps_address else "recordings"
        table.add_row(
            str(row.line), row.id, escape(row.name), place, escape(address), "change" if row.id in known else "add"
        )
    print_table(table)


def _put(settings: Settings, link: "BlockingSiteLink", rows: "list[SheetRow]") -> None:
    """Site first, in one transaction; then the register. Running the same command again mends what was cut short."""
    from belvedere.hub.register.cameras import open_register
    from belvedere.link.cameras import CameraEntry, PutCameras
    from belvedere.link.messages import Answer

    with open_register(settings) as register:
        there = {camera.id: camera for camera in register.list_cameras()}
    entries = tuple(
        CameraEntry(
            camera=row.id,
            name=row.name if "name" in row.columns or row.id not in there else there[row.id].name,
            main_url=row.main_url,
            sub_url=row.sub_url,
            enabled=row.enabled,
            make=row.make,
            model=row.model,
            firmware=row.firmware,
            keep_addresses=row.keeps_address,
        )
        for row in rows
    )
    link.ask(PutCameras(entries), Answer)
    with open_register(settings) as register:
        for row in rows:
            register.put_camera(_registered(settings, row, there.get(row.id)))


def _registered(settings: Settings, row: "SheetRow", before: "Camera | None") -> "Camera":
    """The camera for the hub's register; what the file has no column for stays as it was."""
    from belvedere.hub.register.cameras import Camera

    old = before or Camera(row.id, settings.site.id, row.name)
    has = row.columns
    placed = "lat" in has or "lon" in has
    viewed = placed or "bearing" in has
    return Camera(
        id=row.id,
        site=settings.site.id,
        name=row.name if "name" in has else old.name,
        place=row.place if "place" in has else old.place,
        lat=row.lat if placed else old.lat,
        lon=row.lon if placed else old.lon,
        bearing_deg=row.bearing_deg if viewed else old.bearing_deg,
        fov_deg=row.fov_deg if viewed else old.fov_deg,
        range_m=row.range_m if viewed else old.range_m,
        height_m=row.height_m if "height" in has else old.height_m,
    )


def print_sheet(data: Path) -> None:
    """All cameras as CSV on standard output, without user names and passwords."""
    from belvedere.cli.local import local_site
    from belvedere.hub.register.cameras import open_register
    from belvedere.link.cameras import Addresses, CameraMakes, GetAddresses, GetCameraMakes
    from belvedere.site.imports.sheet_file import COLUMNS, SECRET, write_sheet

    settings = load_settings(data)
    with local_site(settings) as link:
        addresses = link.ask(GetAddresses(), Addresses).cameras
        makes = {make.camera: make for make in link.ask(GetCameraMakes(), CameraMakes).cameras}
    with open_register(settings) as register:
        known = {camera.id: camera for camera in register.list_cameras()}
    rows = []
    for address in addresses:
        camera, make = known.get(address.camera), makes.get(address.camera)
        row: dict[str, object] = {
            "id": address.camera,
            "name": camera.name if camera else address.name,
            "main": address.main_url or "none",
            "sub": address.sub_url,
            "enabled": "yes" if address.enabled else "no",
        }
        if camera:
            row |= {
                "place": camera.place,
                "lat": camera.lat,
                "lon": camera.lon,
                "bearing": camera.bearing_deg,
                "fov": camera.fov_deg,
                "range": camera.range_m,
                "height": camera.height_m,
            }
        if make:
            row |= {"make": make.make, "model": make.model, "firmware": make.firmware}
        rows.append(row)
    left_out = SECRET | {"host", "port", "channel"}
    sys.stdout.write(write_sheet(rows, [name for name in COLUMNS if name not in left_out]))
