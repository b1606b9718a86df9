"""`belvedere originals CLIP`: the pictures that a JPEG camera sent, out of an exported clip, byte for byte."""

import mmap
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from belvedere.foundation.errors import BadInput, NotFound

_console = Console(highlight=False, soft_wrap=True)


def originals(
    clip: Annotated[Path, typer.Argument(help="A clip of an evidence pack (MP4), of a camera that sends JPEG.")],
    out: Annotated[Path | None, typer.Option("--out", help="New folder for the pictures.")] = None,
) -> None:
    """Take the camera's own JPEG pictures out of a clip. Each is named by its number and its time in the clip."""
    from belvedere.media.fmp4 import read_boxes, read_fragment
    from belvedere.media.jpeg_sei import jpegs_in

    folder = out or clip.with_suffix("")
    if not clip.is_file() or not clip.stat().st_size:
        raise NotFound(f"There is no clip {clip}.", advice="Unpack the evidence pack first.")
    if folder.exists():
        raise BadInput(f"{folder} exists already.", advice="Name a new folder with --out.")
    count = 0
    with clip.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for box in read_boxes(data):  # type: ignore[arg-type]
            if box.kind != b"moof":
                continue
            for sample in read_fragment(data, box.start):  # type: ignore[arg-type]
                at = box.start + sample.offset
                for jpeg in jpegs_in(data[at : at + sample.size]):
                    count += 1
                    folder.mkdir(parents=True, exist_ok=True)
                    when = (sample.dts_90k + sample.cts_90k) / 90_000
                    (folder / f"{count:06d}-{when:010.3f}s.jpg").write_bytes(jpeg)
    if not count:
        raise NotFound(
            "This clip holds no JPEG pictures.", advice="Its camera sent H.264 or H.265: the clip is what it sent."
        )
    _console.print(f"{count} pictures, as the camera sent them, are in {folder}.", markup=False)
