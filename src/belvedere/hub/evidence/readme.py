"""README.txt of a pack: for the police officer, solicitor or resident who opens it and has never heard of Belvedere."""

import textwrap

from belvedere.foundation.clock import SECOND_US, iso
from belvedere.hub.evidence.manifest import COPY_FORMAT, Camera, Clip, Manifest

_WIDTH = 96
_COPY = (
    "People in these pictures were found and covered by software, the pictures were made smaller and encoded again, and the "
    "name of the person who asked for them is burned in. It is meant for planning and briefing. The cover may be missing where "
    "it should be, or hide what is nobody. The originals are elsewhere: manifest.json names the pieces of recording that this "
    "was made from, with the SHA-256 of each. There is no sound."
)
_SOUNDS = {"aac": "AAC", "pcma": "G.711 A-law", "pcmu": "G.711 mu-law"}


def _when(us: int) -> str:
    """`2026-11-21 21:04:05.250 UTC`."""
    return iso(us).replace("T", " ").replace("Z", " UTC")


def _lasting(us: int) -> str:
    """`1 h 02 min 03.5 s`, short where it can be."""
    tenths = round(us / (SECOND_US // 10))
    hours, tenths = divmod(tenths, 36_000)
    minutes, tenths = divmod(tenths, 600)
    seconds = f"{tenths / 10:.1f} s"
    return f"{hours} h {minutes:02d} min {seconds}" if hours else f"{minutes} min {seconds}" if minutes else seconds


def _paragraph(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def clock_words(error_us: int | None) -> str:
    """A camera's clock error in words."""
    if error_us is None:
        return "The camera's own clock could not be compared with the recorder's when this was exported."
    seconds = abs(error_us) / SECOND_US
    if seconds < 0.05:
        return "The camera's own clock agreed with the recorder's when this was exported."
    side = "ahead of" if error_us > 0 else "behind"
    return (
        f"When this was exported the camera's own clock was {seconds:.1f} seconds {side} the recorder's. "
        "A clock drawn into the picture by the camera is off by about as much; the times below are the recorder's."
    )


def _clip(clip: Clip) -> list[str]:
    lines = [f"  {clip.path}"]
    lines.append(f"      from {_when(clip.start_us)}")
    lines.append(f"      to   {_when(clip.end_us)}  ({_lasting(clip.end_us - clip.start_us)})")
    if clip.mark_offset_us > 0:
        lines.append(f"      the time asked for begins {_lasting(clip.mark_offset_us)} into the clip")
    if clip.sources and clip.sources[0].sha256:
        lines.append(
            f"      {clip.width} x {clip.height}, {clip.codec.upper()}, people hidden; made from {len(clip.sources)} pieces"
        )
        if clip.blocks:
            lines.append(
                f"      of which {clip.blocks} are blocks as a whole: what stands there by itself was not known"
            )
        return lines
    origin = "as it was brought in" if clip.imported else "as the camera sent it"
    shape = f"      {clip.width} x {clip.height}, {clip.codec.upper()}"
    if clip.originals == "jpeg":
        lines.append(f"{shape}, made by the recorder of the JPEG pictures that the camera sent;")
        lines.append("      those are inside, as the camera sent them: `belvedere originals` takes them out")
    else:
        lines.append(f"{shape}, {origin}, not re-encoded for this pack")
    if clip.imported:
        lines.append("      from a recording made by other equipment, brought in by hand; its times were given then")
    return lines


def _camera(camera: Camera) -> list[str]:
    place = f", {camera.place}" if camera.place else ""
    lines = [f"{camera.name} ({camera.id}{place}), {camera.stream} stream"]
    lines.append(_paragraph(clock_words(camera.clock_error_us), "  "))
    for clip in camera.clips:
        lines += _clip(clip)
    for sound in camera.sound:
        lines.append(f"  {sound.path}")
        lines.append(f"      sound from {_when(sound.start_us)}")
        lines.append(f"            to   {_when(sound.end_us)}  ({_lasting(sound.end_us - sound.start_us)})")
        lines.append(f"      {_SOUNDS.get(sound.codec, sound.codec)}, as the camera sent it, not re-encoded")
        if sound.filled_bytes:
            lines.append(f"      {sound.filled_bytes} bytes of silence stand where packets were lost on the way")
    if camera.gaps:
        lines.append("  Missing from the time asked for:")
    for gap in camera.gaps:
        lines.append(f"      {_when(gap.start_us)} to {_when(gap.end_us)}  ({_lasting(gap.end_us - gap.start_us)})")
        lines.append(_paragraph(gap.text, "          "))
    if not camera.gaps:
        lines.append("  Nothing is missing from the time asked for.")
    return [*lines, ""]


def readme(manifest: Manifest) -> str:
    """The text of README.txt, from all of the manifest but its list of files."""
    export, grant, hub, software = manifest.export, manifest.grant, manifest.hub, manifest.software
    case = f", case {grant.case}" if grant.case else ""
    copy = manifest.format == COPY_FORMAT
    title = "WORKING COPY, MASKED. THIS IS NOT EVIDENCE" if copy else "VIDEO EVIDENCE"
    parts = [
        title,
        "=" * len(title),
        "",
        *([_paragraph(_COPY), ""] if copy else []),
        f"Name:        {export.name}",
        f"Asked for:   {_when(export.start_us)}",
        f"        to   {_when(export.end_us)}  ({_lasting(export.end_us - export.start_us)})",
        f"Exported:    {_when(export.made_us)} by {export.made_by}",
        f"Purpose:     {grant.purpose_text}{case} (access {grant.id})",
        f"Export:      {export.id}, entry {manifest.log.index} of the audit log",
        f"Made with:   {software.name} {software.version}",
    ]
    if export.note:
        parts += ["Note:", _paragraph(export.note, "  ")]
    parts += [
        "",
        _paragraph(
            "All times are Coordinated Universal Time (UTC). In the United Kingdom clocks show the same time in winter "
            "and one hour later in summer."
        ),
        "",
        "WHAT IS SHOWN",
        "-------------",
        "",
    ]
    for camera in manifest.cameras:
        parts += _camera(camera)
    parts += [
        "HOW TO WATCH IT",
        "---------------",
        "",
        _paragraph(
            "The clips are ordinary MP4 files: VLC, Windows Media Player, QuickTime and web browsers play them. A clip starts "
            "up to a few seconds before the time asked for, because video can be cut only where the camera sent a whole "
            "picture. Where recording was interrupted there is one clip for each unbroken stretch."
        ),
        "",
        "IS IT GENUINE?",
        "--------------",
        "",
        _paragraph(
            "Keep this pack exactly as you received it and work on a copy. manifest.json lists the SHA-256 of every file; "
            "manifest.sig is the recording system's signature of that list. Any change to any file, even of one bit, shows."
        ),
        "",
        "  With Belvedere:   belvedere verify PACK --key KEY",
        "  By hand:          compare the SHA-256 of each file with manifest.json, then check manifest.sig with any",
        "                    tool for Ed25519 signatures (guide: verify-a-pack.md)",
        "",
        _paragraph("Get KEY from the organisation itself, not from this pack. The pack says it was signed with"),
        f"  {hub.public_key}",
        "",
        _paragraph(
            "The check shows that the files are those that the organisation's system made, from which recordings, that this "
            "was entered in its audit log before any footage was touched, and who asked for it. What the pictures show was "
            "changed on purpose: do not rely on it as evidence."
            if copy
            else "The check shows that the files are those that the organisation's system exported, that the export was entered in "
            "its audit log before any footage was released, and who did it. It does not show what happened in front of the "
            "camera before its picture reached the recorder, nor that the clocks were right beyond what is said above."
        ),
        "",
        "WHAT IS IN THE PACK",
        "-------------------",
        "",
        "  clips/           the video",
        *(["  sound/           the sound, apart from the video"] if any(one.sound for one in manifest.cameras) else []),
        "  manifest.json    what was asked for, what each clip covers, what is missing, and the list of files",
        "  manifest.sig     the signature of manifest.json (Ed25519, 64 bytes)",
        "  log/entry.json   what the audit log says about this export",
        "  log/proof.json   the proof that it stands in the log, with the log's signed checkpoint",
        "",
        _paragraph(
            "This is personal data about the people shown. Use it for the purpose above, keep it safe, and delete it when it "
            "is no longer needed."
        ),
    ]
    return "\n".join(parts) + "\n"
