"""`belvedere licences`: what is installed here, under which licence, and what its wheels bring along in binary form."""

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from belvedere.foundation.errors import Conflict, NotFound, StorageFault

_TEXT = re.compile(r"(licen[cs]e|copying|notice|authors|copyright)", re.IGNORECASE)
_LIBRARY = re.compile(r"^(lib[A-Za-z0-9_+-]*?)(-[0-9a-f]{8})?(?:-[0-9.]+)?\.so(?:\.|$)")
# FFmpeg stands here as it is without options; PyAV's own is under version 3 (FFMPEG.txt) and links to x264 and x265.
# Libraries that wheels bundle and whose licence asks for source (SPDX). Anything not here asks for its notice only.
_COPYLEFT = {
    "libx264": "GPL-2.0-or-later",
    "libx265": "GPL-2.0-or-later",
    "libavcodec": "LGPL-2.1-or-later",
    "libavdevice": "LGPL-2.1-or-later",
    "libavfilter": "LGPL-2.1-or-later",
    "libavformat": "LGPL-2.1-or-later",
    "libavutil": "LGPL-2.1-or-later",
    "libswresample": "LGPL-2.1-or-later",
    "libswscale": "LGPL-2.1-or-later",
    "libmp3lame": "LGPL-2.0-or-later",
    "libasound": "LGPL-2.1-or-later",
    "libgnutls": "LGPL-2.1-or-later",
    "libgmp": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libhogweed": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libnettle": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libunistring": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libgeos": "LGPL-2.1-or-later",
    "libgeos_c": "LGPL-2.1-or-later",
    "libgfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libquadmath": "LGPL-2.1-or-later",
}
_SYSTEM_TEXTS = Path("/usr/share/common-licenses")  # where Debian keeps them
_WANTED_TEXTS = ("GPL-2", "GPL-3", "LGPL-2.1", "LGPL-3")


@dataclass(frozen=True, slots=True)
class Installed:
    """One distribution. `texts`: licence files; `bundled`: libraries in its wheel; `lists`: bills of materials."""

    name: str
    version: str
    licence: str
    texts: tuple[Path, ...]
    bundled: tuple[str, ...]
    lists: tuple[Path, ...]


def copyleft(library: str) -> str:
    """The licence of a bundled library that asks for source, or "". `library`: its file name in the wheel."""
    match = _LIBRARY.match(library)
    return _COPYLEFT.get(match[1], "") if match else ""


def installed() -> list[Installed]:
    """Everything installed beside this program, by name."""
    found = {each.metadata["Name"].lower(): _read(each) for each in metadata.distributions()}
    return [found[name] for name in sorted(found)]


def _read(distribution: metadata.Distribution) -> Installed:
    facts = distribution.metadata
    classes = [line.rpartition("::")[2].strip() for line in facts.get_all("Classifier") or [] if "License ::" in line]
    said = [*(facts.get_all("License-Expression") or []), *(facts.get_all("License") or [])]
    stated = said[0].strip().partition("\n")[0] if said else ""
    paths = [Path(str(distribution.locate_file(file))) for file in distribution.files or []]
    about = [path for path in paths if path.parent.name.endswith(".dist-info") or ".dist-info" in path.as_posix()]
    return Installed(
        facts["Name"],
        distribution.version,
        stated[:100] or ", ".join(classes) or "not stated",
        tuple(path for path in about if (_TEXT.search(path.name) or "licenses" in path.parts) and path.is_file()),
        tuple(sorted(path.name for path in paths if path.parent.name.endswith((".libs", ".dylibs")))),
        tuple(path for path in about if path.parent.name == "sboms" and path.is_file()),
    )


def ffmpeg() -> str:
    """What the FFmpeg in PyAV's wheel says of itself: version, licence, how it was configured."""
    import av
    from av import _core

    lines = [f"FFmpeg {av.ffmpeg_version_info}, in the wheel of PyAV {av.__version__}", ""]
    for name, facts in sorted(_core.library_meta.items()):
        version = ".".join(str(part) for part in facts["version"])
        lines += [f"{name} {version}: {facts['license']}", f"  {facts['configuration']}", ""]
    return "\n".join(lines)


def licences(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write all licence texts into.", show_default=False)
    ] = None,
) -> None:
    """List what is installed with its licences; with --out, gather all texts, for an image or appliance that is passed on."""
    everything = installed()
    for each in everything:
        asks = sorted({licence for library in each.bundled if (licence := copyleft(library))})
        bundles = f"; bundles {', '.join(asks)}" if asks else ""
        textless = "" if each.texts else "; no licence text in its wheel"
        typer.echo(f"{each.name} {each.version}: {each.licence}{bundles}{textless}")
    if out is not None:
        gather(everything, out)
        typer.echo(f"All texts: {out}")


def gather(everything: list[Installed], out: Path, system_texts: Path = _SYSTEM_TEXTS) -> None:
    """Write LIST.tsv, SOURCES.txt, FFMPEG.txt, the texts of each distribution, and those of the GPL and LGPL.

    Raises Conflict when `out` holds something already, NotFound when the GPL's own text is not on this machine.
    """
    if out.exists() and any(out.iterdir()):
        raise Conflict(f"{out} is not empty.", advice="Name a new folder.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        rows, sources = ["name\tversion\tlicence\ttexts\tbundled"], [_OFFER]
        for each in everything:
            rows.append(
                f"{each.name}\t{each.version}\t{each.licence}\t{len(each.texts)}\t{' '.join(each.bundled) or '-'}"
            )
            asks = [(library, licence) for library in each.bundled if (licence := copyleft(library))]
            sources += [f"{each.name} {each.version}\t{library}\t{licence}" for library, licence in asks]
            _copy(out / f"{each.name}-{each.version}", (*each.texts, *each.lists))
        (out / "LIST.tsv").write_text("\n".join(rows) + "\n", "utf-8")
        (out / "SOURCES.txt").write_text("\n".join(sources) + "\n", "utf-8")
        (out / "FFMPEG.txt").write_text(ffmpeg(), "utf-8")
        found = [system_texts / name for name in _WANTED_TEXTS if (system_texts / name).is_file()]
        _copy(out / "texts", found)
    except OSError as error:
        raise StorageFault(f"{out} can't be written: {error.strerror}.", advice="Choose another place.") from error
    missing = sorted(set(_WANTED_TEXTS) - {path.name for path in found})
    if missing:
        raise NotFound(
            f"The texts of {', '.join(missing)} are not in {system_texts}.",
            advice=f"Debian's package base-files has them. Put them into {out / 'texts'} before you pass this on.",
        )


_OFFER = """Libraries in this installation whose licence asks whoever passes them on to pass on their source as well.
Keep the source of exactly these versions beside what you ship, or offer it in writing: docs/guide/deploy.md.
The FFmpeg of PyAV's wheel links to x264 and x265 and was configured with --enable-version3: as a whole, version 3 of the GPL.
"""


def _copy(folder: Path, files: "tuple[Path, ...] | list[Path]") -> None:
    taken: set[str] = set()
    for file in files:
        folder.mkdir(parents=True, exist_ok=True)
        name = file.name if file.name not in taken else f"{len(taken)}-{file.name}"
        taken.add(name)
        (folder / name).write_bytes(file.read_bytes())
