"""Lists of cameras as spreadsheets write them: what is understood, and every error of every row."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import BadInput
from belvedere.site.imports.sheet import SheetFault, against_known, read_sheet
from belvedere.site.imports.sheet_file import COLUMNS, decode_sheet, template, write_sheet
from belvedere.site.ingest.address import split_address

GOOD = "name,lat,lon,main\nNorth gate,51.5074,-0.1278,rtsp://u:p@10.0.0.5/main\n"


def where(faults: tuple[SheetFault, ...]) -> list[tuple[int, str]]:
    return [(fault.line, fault.column) for fault in faults]


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode(),
        GOOD.encode("utf-8-sig"),
        GOOD.encode("utf-16"),
        GOOD.replace(",", ";").encode(),
        GOOD.replace(",", "\t").encode("utf-16"),
        ("sep=;\r\n" + GOOD.replace(",", ";")).replace("\n", "\r\n").encode(),
        GOOD.replace(",", ";").replace("51.5074;-0.1278", "51,5074;-0,1278").encode(),
        GOOD.replace("51.5074,-0.1278", '"51.5074, -0.1278",').encode(),
        GOOD.replace("lat,lon", " Latitude , LNG").replace("-0.1278", "\N{MINUS SIGN}0.1278\N{DEGREE SIGN}").encode(),
        GOOD.replace("North gate", "\N{NO-BREAK SPACE}North gate ").encode(),
        ("\n,,,\n" + GOOD).replace("\n,,,\n", "", 1).encode() + b",,,\n\n",
        GOOD.replace("name,lat,lon,main", '"name","lat","lon","main"').encode(),
    ],
)
def test_what_spreadsheets_write(data: bytes) -> None:
    sheet = read_sheet(data)
    assert sheet.faults == ()
    (row,) = sheet.rows
    assert (row.id, row.name, row.lat, row.lon) == ("north-gate", "North gate", 51.5074, -0.1278)
    assert split_address(row.main_url) == ("rtsp://10.0.0.5/main", "u", "p")
    assert "p@10" not in repr(row)


def test_windows_1252_is_said() -> None:
    sheet = read_sheet("name,main\nCafé,rtsp://10.0.0.5/\n".encode("cp1252"))
    assert sheet.rows[0].name == "Café" and "Windows-1252" in sheet.remarks[0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04rest", "workbook"),
        (b"a,b\n1,2\n", "does not name the columns"),
        (b"", "does not name the columns"),
        (b"name,Name,main\n", "there twice"),
        (b"name,main\nx\0,y\n", "not text"),
        (b"x" * ((8 << 20) + 1), "larger than 8 MiB"),
        (b"name,main\n" + b"".join(b"c%d,rtsp://10.0.0.1/%d\n" % (n, n) for n in range(2001)), "more than 2000"),
    ],
)
def test_files_that_are_no_list(data: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read_sheet(data)


def test_every_error_of_every_row_with_its_line() -> None:
    text = (
        "name,lat,lon,bearing,fov,range,port,channel,host,make,main,username,password,enabled\n"
        '"Two\nlines",,,,,,,,,,rtsp://h/1,,,\n'  # lines 2 and 3
        "A,91,x,,,,,,,,rtsp://h/2,,,maybe\n"  # 4
        "B,51,,,,,,,,,,,,\n"  # 5
        "C,0,0,,,,,,,,http://,,,\n"  # 6
        "D,,,400,,,,,,,rtsp://h/3,,secret,\n"  # 7
        "E,,,,,,70000,1.5,10.0.0.9,Acme,,,,\n"  # 8
        "F,,,,,,,,,,rtsp://u:p@h/4,u,p,\n"  # 9
        "!!,,,,80,,,,,,rtsp://h/5,,,\n"  # 10
        "G,,,,,,,,,,rtsp://h/6,,,,extra\n"  # 11
    )
    sheet = read_sheet(text.encode())
    assert sheet.rows == ()
    assert where(sheet.faults) == [
        (2, "name"),
        (4, "enabled"),
        (4, "lat"),
        (4, "lon"),
        (5, "lon"),
        (5, "main"),
        (6, "lat"),
        (6, "main"),
        (7, "bearing"),
        (7, "username"),
        (8, "channel"),
        (8, "make"),
        (8, "port"),
        (9, "main"),
        (10, "bearing"),
        (10, "id"),
        (10, "lat"),
        (11, ""),
    ]
    assert all(fault.message and fault.advice for fault in sheet.faults)
    assert "secret" not in str(sheet.faults)


def test_doubles_are_the_later_rows_fault() -> None:
    sheet = read_sheet(
        b"id,name,main\ngate,G,rtsp://a:b@10.0.0.5:554/Main\nyard,Y,rtsp://10.0.0.5/main\ngate,H,rtsp://10.0.0.6/main\n"
    )
    assert [row.id for row in sheet.rows] == ["gate"]
    assert where(sheet.faults) == [(3, "main"), (4, "id")]
    assert sheet.faults[0].message == "The address is in line 2 too."


def test_an_open_quotation_mark_is_said_and_ends_the_reading() -> None:
    sheet = read_sheet(b'name,main\na,rtsp://h/1\nb,"rtsp://h/2\n')
    assert where(sheet.faults) == [(3, "")] and len(sheet.rows) == 1


def test_addresses_from_the_make() -> None:
    sheet = read_sheet(
        b"name,host,make,port,channel,username,password\n"
        b"A,10.0.0.5,Hikvision,,,viewer,p@ss\nB,fd00::5,Dahua,8554,3,,\nC,10.0.0.6,Tapo,,2,,\n"
    )
    a, b = sheet.rows
    assert split_address(a.main_url) == ("rtsp://10.0.0.5/Streaming/Channels/101", "viewer", "p@ss")
    assert split_address(a.sub_url)[0] == "rtsp://10.0.0.5/Streaming/Channels/102"
    assert b.main_url == "rtsp://[fd00::5]:8554/cam/realmonitor?channel=3&subtype=0"
    assert where(sheet.faults) == [(4, "channel")]
    assert len([remark for remark in sheet.remarks if "made from the make" in remark]) == 2


def test_remarks() -> None:
    rows = "".join(f"c{n},51.5,-0.1{n},rtsp://h/{n}\n" for n in range(4))
    sheet = read_sheet(f"name,lat,lon,main,Colour\n{rows}swapped,-0.12,51.5,rtsp://h/9\n".encode())
    assert sheet.faults == () and len(sheet.rows) == 5
    assert "'Colour' is not known" in sheet.remarks[0]
    assert "Line 6" in sheet.remarks[1] and "exchanged" in sheet.remarks[1]


def test_beside_cameras_that_are_there() -> None:
    known = {"gate": "rtsp://10.0.0.5/main", "yard": "rtsp://10.0.0.6/main"}
    sheet = read_sheet(b"id,main\ngate,rtsp://10.0.0.7/x\nnew,rtsp://10.0.0.6/main\nother,none\n")
    good, faults = against_known(sheet.rows, known, replace=False)
    assert [row.id for row in good] == ["other"] and good[0].main_url == ""
    assert where(tuple(faults)) == [(2, "id"), (3, "main")]
    good, faults = against_known(sheet.rows, known, replace=True)
    assert [row.id for row in good] == ["gate", "other"] and where(tuple(faults)) == [(3, "main")]
    sheet = read_sheet(b"id,firmware\ngate,V5\nnew,V6\n")
    good, faults = against_known(sheet.rows, known, replace=True)
    assert [row.id for row in good] == ["gate"] and good[0].keeps_address and where(tuple(faults)) == [(3, "main")]


def test_two_cameras_may_exchange_their_addresses() -> None:
    known = {"gate": "rtsp://10.0.0.5/main", "yard": "rtsp://10.0.0.6/main"}
    sheet = read_sheet(b"id,main\ngate,rtsp://10.0.0.6/main\nyard,rtsp://10.0.0.5/main\n")
    assert against_known(sheet.rows, known, replace=True)[1] == []


def test_the_template_is_a_good_list() -> None:
    sheet = read_sheet(template())
    assert sheet.faults == () and [row.id for row in sheet.rows] == ["north-gate"]
    assert sheet.rows[0].columns == set(COLUMNS)
    assert template().startswith(b"\xef\xbb\xbf")


words = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="'"), min_size=1, max_size=40)


@given(words, words, st.floats(-90, 90), st.floats(-180, 180))
def test_what_is_written_is_read_back(name: str, place: str, lat: float, lon: float) -> None:
    row = {"id": "cam", "name": name, "place": place, "lat": lat, "lon": lon, "main": "none"}
    text = write_sheet([row], ["id", "name", "place", "lat", "lon", "main"])
    for cell in next(iter(list(csv.reader(io.StringIO(text)))[1:]))[1:3]:
        assert not cell.startswith(("=", "+", "-", "@")), "a spreadsheet must not run it"
    sheet = read_sheet(text.encode())
    if round(lat, 7) == 0 and round(lon, 7) == 0:
        return
    assert sheet.faults == ()
    assert (sheet.rows[0].name, sheet.rows[0].place) == (name, place)
    assert sheet.rows[0].lat == pytest.approx(lat, abs=1e-6) and sheet.rows[0].lon == pytest.approx(lon, abs=1e-6)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_list_or_bad_input(data: bytes) -> None:
    for each in (data, b"name,main,lat\n" + data):
        try:
            sheet = read_sheet(each)
        except BadInput:
            continue
        assert all(fault.line > 0 for fault in sheet.faults)
    if len(data) < 300:
        try:
            decode_sheet(data)
        except BadInput:
            pass
