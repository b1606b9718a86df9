"""A list of cameras as a CSV file: read whatever spreadsheets write, and every error of every row said at once."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from belvedere.foundation.errors import BadInput
from belvedere.foundation.ids import is_slug, slug
from belvedere.site.imports.sheet_file import column_of, decode_sheet, delimiter_of, plain_cell
from belvedere.site.ingest.address import split_address
from belvedere.site.makers.catalogue import MAKES, make_of, propose
from belvedere.site.storage.passwords import with_credentials

MAX_ROWS = 2000
_LIMITS = {
    "lat": (-90.0, 90.0),
    "lon": (-180.0, 180.0),
    "bearing": (-360.0, 360.0),
    "fov": (1.0, 360.0),
    "range": (1.0, 2000.0),
    "height": (0.0, 500.0),
    "port": (1.0, 65_535.0),
    "channel": (1.0, 1024.0),
}
_YES = frozenset({"", "yes", "y", "true", "1", "on", "ja", "wahr", "oui", "vrai"})
_NO = frozenset({"no", "n", "false", "0", "off", "nein", "falsch", "non", "faux"})
_FAR_M = 100_000


@dataclass(frozen=True, slots=True)
class SheetFault:
    """What is wrong in one cell or row. `line` counts from 1, as an editor shows it; 0 is the whole file."""

    line: int
    column: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A good row. `columns` are those that the file has: of a camera that exists, the others stay as they are."""

    line: int
    id: str
    name: str
    place: str
    lat: float | None
    lon: float | None
    bearing_deg: float | None
    fov_deg: float | None
    range_m: float | None
    height_m: float | None
    make: str
    model: str
    firmware: str
    enabled: bool
    main_url: str = field(repr=False)
    sub_url: str = field(repr=False)
    columns: frozenset[str] = field(default_factory=frozenset, repr=False)

    @property
    def keeps_address(self) -> bool:
        """The file says nothing of addresses."""
        return not self.columns & {"main", "host"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read. `remarks` are worth a look but stop nothing."""

    rows: tuple[SheetRow, ...]
    faults: tuple[SheetFault, ...]
    remarks: tuple[str, ...]


def read_sheet(data: bytes) -> Sheet:
    """Cameras and faults of a CSV file. Raises BadInput when it can't be read as a list of cameras at all."""
    text, remarks = decode_sheet(data)
    if "\0" in text:
        raise BadInput("The file is not text.", advice="Save it as CSV UTF-8.")
    lines = text.splitlines(keepends=True)
    delimiter, skipped = delimiter_of(lines)
    reader = csv.reader(io.StringIO("".join(lines[skipped:]), newline=""), delimiter=delimiter, strict=True)
    header = _header(reader, remarks)
    faults: list[SheetFault] = []
    rows: list[SheetRow] = []
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            faults.append(SheetFault(line, "", f"The row can't be read: {error}.", "Close its quotation marks."))
            break
        if not any(cell.strip() for cell in cells):
            continue
        if len(rows) + len({fault.line for fault in faults}) >= MAX_ROWS:
            raise BadInput(f"The file has more than {MAX_ROWS} cameras.", advice="Split it.")
        row = _Row(line, header, cells, remarks)
        made = row.read()
        faults += row.faults
        if made is not None:
            rows.append(made)
    doubles = _doubles(rows)
    faults += doubles
    bad = {fault.line for fault in faults}
    good = tuple(row for row in rows if row.line not in bad)
    remarks += _far(good)
    return Sheet(good, tuple(sorted(faults, key=lambda fault: (fault.line, fault.column))), tuple(remarks))


def _header(reader: "Iterable[list[str]]", remarks: list[str]) -> list[str]:
    try:
        cells = next((row for row in reader if any(cell.strip() for cell in row)), [])
    except csv.Error as error:
        raise BadInput(f"The first line can't be read: {error}.", advice="Close its quotation marks.") from error
    header = [column_of(cell) for cell in cells]
    for cell, name in zip(cells, header, strict=True):
        if not name and cell.strip():
            remarks.append(f"The column {cell.strip()!r} is not known and was not read.")
    known = [name for name in header if name]
    again = sorted({name for name in known if known.count(name) > 1})
    if again:
        raise BadInput(f"The column {again[0]} is there twice.", advice="Remove one of them.")
    if not {"id", "name"} & set(known):
        raise BadInput(
            "The first line does not name the columns.",
            advice="`belvedere camera import --template FILE.csv` writes a file to start from.",
        )
    return header


class _Row:
    """One row on its way to a camera."""

    def __init__(self, line: int, header: list[str], cells: list[str], remarks: list[str]) -> None:
        self.line = line
        self.faults: list[SheetFault] = []
        self._remarks = remarks
        self._cells = {name: plain_cell(cell) for name, cell in zip(header, cells, strict=False) if name}
        self._columns = frozenset(name for name in header if name)
        if any(cell.strip() for cell in cells[len(header) :]):
            self._fault(
                "", "The row has more cells than there are columns.", "Put texts with commas in quotation marks."
            )

    def _fault(self, column: str, message: str, advice: str) -> None:
        self.faults.append(SheetFault(self.line, column, message, advice))

    def _text(self, column: str, most: int = 200) -> str:
        text = self._cells.get(column, "")
        if len(text) > most or not text.isprintable():
            self._fault(column, f"{column} is too long or holds a line break.", f"Use {most} letters at most.")
            return ""
        return text

    def _number(self, column: str, text: str | None = None) -> float | None:
        text = self._cells.get(column, "") if text is None else text
        if not text:
            return None
        plain = text.replace("\N{MINUS SIGN}", "-").rstrip("\N{DEGREE SIGN}").strip()
        if "," in plain and "." not in plain:
            plain = plain.replace(",", ".")  # a spreadsheet that writes decimal commas
        try:
            value = float(plain)
        except ValueError:
            value = math.nan
        least, most = _LIMITS[column]
        if not (math.isfinite(value) and least <= value <= most):
            self._fault(column, f"{column} {text!r} can't be right.", f"Give a number from {least:g} to {most:g}.")
            return None
        return value

    def _whole(self, column: str, usual: int) -> int:
        value = self._number(column)
        if value is None:
            return usual
        if value != int(value):
            self._fault(column, f"{column} {value:g} is no whole number.", "Give a whole number.")
        return int(value)

    def read(self) -> SheetRow | None:
        """The camera, None when there are faults."""
        name = self._text("name")
        camera = self._text("id", 48) or slug(name)
        if not is_slug(camera) and not any(fault.column == "name" for fault in self.faults):
            self._fault(
                "id", f"{camera or name!r} can't name a camera.", "Use lower-case letters, digits, inner hyphens."
            )
        lat, lon = self._position()
        view = self._view(lat)
        enabled = self._cells.get("enabled", "").casefold()
        if enabled not in _YES | _NO:
            self._fault("enabled", f"enabled is {enabled!r}.", "Say yes or no.")
        make, model, firmware = (self._text(column, 120) for column in ("make", "model", "firmware"))
        main, sub = self._addresses(make)
        if self.faults:
            return None
        return SheetRow(
            line=self.line,
            id=camera,
            name=name or camera,
            place=self._text("place"),
            lat=lat,
            lon=lon,
            bearing_deg=view[0],
            fov_deg=view[1],
            range_m=view[2],
            height_m=self._number("height"),
            make=make,
            model=model,
            firmware=firmware,
            enabled=enabled in _YES,
            main_url=main,
            sub_url=sub,
            columns=self._columns,
        )

    def _position(self) -> tuple[float | None, float | None]:
        lat_text, lon_text = self._cells.get("lat", ""), self._cells.get("lon", "")
        if not lon_text and lat_text.count(",") == 1 and "." in lat_text:  # pasted from a map
            lat_text, lon_text = (part.strip() for part in lat_text.split(","))
        lat, lon = self._number("lat", lat_text), self._number("lon", lon_text)
        if bool(lat_text) != bool(lon_text):
            self._fault("lon" if lat_text else "lat", "A position needs lat and lon.", "Give both, or neither.")
        elif lat == 0 and lon == 0:
            self._fault("lat", "0, 0 lies in the sea.", "Leave both empty when the place is not known.")
        return lat, lon

    def _view(self, lat: float | None) -> tuple[float | None, float | None, float | None]:
        view = (self._number("bearing"), self._number("fov"), self._number("range"))
        if all(value is None for value in view):
            return view
        if view[0] is None:
            self._fault("bearing", "A view needs a bearing.", "Give bearing, or leave fov and range empty.")
        if lat is None and not self._cells.get("lat"):
            self._fault("lat", "A view needs a position.", "Give lat and lon, or leave bearing, fov and range empty.")
        return (view[0], view[1] or 80.0, view[2] or 30.0)

    def _addresses(self, make: str) -> tuple[str, str]:
        """Main and sub address with their credentials."""
        main, sub, host = self._text("main", 2048), self._text("sub", 2048), self._text("host")
        if main.casefold() == "none":
            return "", ""
        if not main and host:
            main, guessed = self._from_make(host, make)
            sub = sub or guessed
        elif not main:
            if self._columns & {"main", "host"}:
                self._fault("main", "There is no address.", "Give main, or host and make; or none for recordings only.")
            return "", ""
        username, password = self._cells.get("username", ""), self._cells.get("password", "")
        if password and not username:
            self._fault("username", "There is a password but no user name.", "Give both.")
        found = []
        for column, url in (("main", main), ("sub", sub)):
            found.append(self._one_address(column, url, username, password) if url else "")
        return found[0], found[1]

    def _from_make(self, host: str, make: str) -> tuple[str, str]:
        port, channel = self._whole("port", 554), self._whole("channel", 1)
        entry = make_of(make)
        if entry is None:
            known = ", ".join(each.id for each in MAKES)
            self._fault(
                "make", f"The addresses of {make or 'no make'} are not known.", f"Give main, or one of: {known}."
            )
            return "", ""
        proposals = propose(f"[{host}]" if host.count(":") > 1 and "[" not in host else host, entry.id, channel, port)
        if not proposals:
            self._fault("channel", f"{entry.name} has no address for channel {channel}.", "Give main.")
            return "", ""
        self._remarks.append(f"Line {self.line}: the address was made from the make ({entry.name}). Test it.")
        return proposals[0].main_url, proposals[0].sub_url

    def _one_address(self, column: str, url: str, username: str, password: str) -> str:
        try:
            clean, inner, _ = split_address(url)
        except BadInput as error:
            self._fault(column, error.message, error.advice)
            return ""
        if not username:
            return url
        if inner:
            self._fault(column, "The user name is in the address and in its column.", "Leave one of them out.")
        return with_credentials(clean, username, password)


def _doubles(rows: Iterable[SheetRow]) -> list[SheetFault]:
    """Cameras and addresses that stand in two rows; the later row is at fault."""
    faults = []
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        address = split_address(row.main_url)[0].casefold() if row.main_url else ""
        for column, value in (("id", row.id), ("main", address)):
            if not value:
                continue
            first = seen.setdefault((column, value), row.line)
            if first != row.line:
                what = f"The camera {row.id}" if column == "id" else "The address"
                faults.append(SheetFault(row.line, column, f"{what} is in line {first} too.", "Remove one of them."))
    return faults


def _far(rows: Iterable[SheetRow]) -> list[str]:
    """Positions far away from all others: most often lat and lon exchanged, or a sign that is missing."""
    placed = [(row.line, row.lat, row.lon) for row in rows if row.lat is not None and row.lon is not None]
    if len(placed) < 3:
        return []
    lat, lon = median(each[1] for each in placed), median(each[2] for each in placed)
    scale = math.cos(math.radians(lat))
    return [
        f"Line {line}: the position is {distance / 1000:.0f} km from most others. Are lat and lon exchanged?"
        for line, its_lat, its_lon in placed
        if (distance := 111_195 * math.hypot(its_lat - lat, (its_lon - lon) * scale)) > _FAR_M
    ]


def against_known(
    rows: Iterable[SheetRow], known: Mapping[str, str], *, replace: bool
) -> tuple[list[SheetRow], list[SheetFault]]:
    """Rows that can be taken in beside the cameras that are there; `known` gives their main addresses by id."""
    at = {url.casefold(): camera for camera, url in known.items() if url}
    good, faults = [], []
    listed = list(rows)
    moved = {row.id for row in listed}
    for row in listed:
        address = split_address(row.main_url)[0].casefold() if row.main_url else ""
        owner = at.get(address, "") if address else ""
        if row.id in known and not replace:
            advice = "Use --replace to change it, or give another id."
            faults.append(SheetFault(row.line, "id", f"The camera {row.id} is there already.", advice))
        elif row.id not in known and row.keeps_address:
            faults.append(SheetFault(row.line, "main", "There is no address.", "Add a column main, or host and make."))
        elif owner and owner != row.id and owner not in moved:
            advice = "Remove the row, or that camera."
            faults.append(SheetFault(row.line, "main", f"The camera {owner} has this address.", advice))
        else:
            good.append(row)
    return good, faults
