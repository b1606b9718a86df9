"""CSV files of cameras as text: columns, encodings and delimiters of spreadsheets, and writing one."""

import csv
import io
from collections.abc import Iterable, Mapping

from belvedere.foundation.errors import BadInput

MAX_BYTES = 8 << 20
COLUMNS: Mapping[str, tuple[str, str]] = {
    "id": ("lower-case letters, digits, hyphens; made from the name when empty", "north-gate"),
    "name": ("name that people know it by", "North gate"),
    "place": ("where it is, in words", "Alder Grove, block 4"),
    "lat": ("latitude in degrees, north positive", "51.50740"),
    "lon": ("longitude in degrees, east positive", "-0.12780"),
    "bearing": ("degrees clockwise from north that it looks to", "270"),
    "fov": ("horizontal field of view in degrees", "80"),
    "range": ("how far it sees, in metres", "30"),
    "height": ("metres above the ground", "4"),
    "make": ("maker; needed when host stands in place of main", "Hikvision"),
    "model": ("model, as on its label", "DS-2CD2143G2-I"),
    "firmware": ("version, as its page shows it", "V5.7.11 build 220622"),
    "host": ("name or IP address, when main is empty", "10.20.0.11"),
    "port": ("RTSP port; 554 when empty", "554"),
    "channel": ("channel of a recorder; 1 when empty", "1"),
    "main": ("RTSP address; none for a camera that only holds recordings", ""),
    "sub": ("RTSP address of the small stream", ""),
    "username": ("user name for both streams", "viewer"),
    "password": ("password for both streams", ""),
    "enabled": ("yes or no; yes when empty", "yes"),
}
SECRET = frozenset({"username", "password"})
_ALIASES = {
    "slug": "id",
    "camera": "id",
    "latitude": "lat",
    "longitude": "lon",
    "long": "lon",
    "lng": "lon",
    "direction": "bearing",
    "manufacturer": "make",
    "vendor": "make",
    "version": "firmware",
    "ip": "host",
    "ipaddress": "host",
    "mainurl": "main",
    "url": "main",
    "rtsp": "main",
    "suburl": "sub",
    "user": "username",
    "location": "place",
    "fieldofview": "fov",
}
_FORMULA = ("=", "+", "-", "@", "\t")


def decode_sheet(data: bytes) -> tuple[str, list[str]]:
    """The text of a CSV file in what spreadsheets use: UTF-8 with or without a mark, UTF-16, Windows-1252. Raises BadInput."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"The file is larger than {MAX_BYTES >> 20} MiB.", advice="Split it.")
    if data[:4] == b"PK\x03\x04" or data[:4] == b"\xd0\xcf\x11\xe0":
        raise BadInput("This is a workbook, not a CSV file.", advice="In Excel: Save As, CSV UTF-8 (comma delimited).")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), []
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        words = "The file is not UTF-8; it was read as Windows-1252. Look at names with accents."
        return data.decode("cp1252", "replace"), [words]


def column_of(header: str) -> str:
    plain = "".join(char for char in header.casefold() if char.isalnum())
    return plain if plain in COLUMNS else _ALIASES.get(plain, "")


def delimiter_of(lines: list[str]) -> tuple[str, int]:
    """The delimiter, and how many lines stand before the header: Excel writes `sep=;` as the first."""
    first = lines[0].strip().strip('"') if lines else ""
    if first.lower().startswith("sep=") and len(first) == 5:
        return first[4], 1
    head = lines[0] if lines else ""
    return max(",;\t|", key=lambda char: sum(bool(column_of(cell.strip(' "'))) for cell in head.split(char))), 0


def plain_cell(cell: str) -> str:
    """A cell without what spreadsheets add: spaces, hard spaces, and the mark before a text that looks like a formula."""
    text = cell.replace("\N{NO-BREAK SPACE}", " ").strip()
    return text[1:] if text[:1] == "'" and text[1:2] in _FORMULA else text


def write_sheet(rows: Iterable[Mapping[str, object]], columns: Iterable[str]) -> str:
    """Rows as CSV that spreadsheets open safely: a text that looks like a formula is marked as text."""
    out = io.StringIO()
    names = list(columns)
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.7f}".rstrip("0").rstrip(".")
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def template() -> bytes:
    """A file to start from: the columns, one example, with the mark by which Excel knows UTF-8."""
    example = {name: example for name, (_, example) in COLUMNS.items()}
    return write_sheet([example], COLUMNS).encode("utf-8-sig")
