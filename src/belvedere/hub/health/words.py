"""Faults in plain words: what each kind is called, and what to do next. Also the text of docs/guide/camera-faults.md."""

from dataclasses import dataclass

SITE_AWAY = "site_away"
PAGE_FAILED, PAGE_UNANSWERED = "page_failed", "page_unanswered"
PAGING_FAULTS = (PAGE_FAILED, PAGE_UNANSWERED)  # of the calling itself: these call nobody, and close by themselves


@dataclass(frozen=True, slots=True)
class FaultWords:
    title: str
    advice: str
    # Invariant: true where the fault rests on a guess about the picture.
    hint: bool = False


WORDS = {
    "no_picture": FaultWords(
        "No picture",
        "Check that the camera has power and that its cable and switch port show a link. Then look at its own page.",
    ),
    "password": FaultWords(
        "Password refused",
        "Somebody changed the camera's password, or it was reset. Set the right name and password for this camera.",
    ),
    "gaps": FaultWords(
        "Many gaps",
        "The connection comes and goes. Look for a loose plug, a switch port with errors, a full radio link or weak power.",
    ),
    "loss": FaultWords(
        "Packets are lost",
        "Pictures arrive damaged. Lower the camera's bitrate, look for a full link, and use RTSP over TCP rather than UDP.",
    ),
    "clock": FaultWords(
        "Clock is wrong",
        "Point the camera at this site's time server. Until then its own time stamp misleads whoever reads it.",
    ),
    "frozen": FaultWords(
        "Picture may be frozen",
        "Look at the live picture: does anything move? If it stands still, switch the camera off and on.",
        hint=True,
    ),
    "black": FaultWords(
        "Picture may be dark or covered",
        "Look at the live picture. Clean the lens, take off what covers it, or check its infrared lamp.",
        hint=True,
    ),
    "blurred": FaultWords(
        "Picture may be blurred",
        "Look at the live picture. Clean the lens or dome, then set the focus.",
        hint=True,
    ),
    "moved": FaultWords(
        "Camera may have been moved",
        "Compare the live picture with what the camera should see. Turn it back, or close this ticket if the new view is right.",
        hint=True,
    ),
    "disk_fault": FaultWords(
        "Disk does not work as it should",
        "Recording goes on on another disk where there is one. See the guide on replacing a disk.",
    ),
    "disk_headroom": FaultWords(
        "Disk will be full before its time",
        "Add a disk, lower bitrates, or shorten how long footage is kept; otherwise the oldest footage goes early.",
    ),
    "behind": FaultWords(
        "Recorder fell behind",
        "The disk is too slow for what comes in, or the machine is too busy. Look at its load; some footage may be lost.",
    ),
    "ceremony_due": FaultWords(
        "Key ceremony is due",
        "Two officers meet at the hub: belvedere keys ceremony. See the guide on the key ceremony.",
    ),
    "drill_due": FaultWords(
        "Recovery drill is due",
        "Two officers bring their sheets and show that they open footage: belvedere keys drill.",
    ),
    "witness": FaultWords(
        "A site does not sign the log",
        "Tell the data protection officer. If the recorder was replaced, remove its old key: belvedere audit witnesses.",
    ),
    "timestamp": FaultWords(
        "No outside time on today's log",
        "Check the authority's address and certificates in the settings. It is asked again every quarter of an hour.",
    ),
    "sandbox": FaultWords(
        "Decoders are hardly confined",
        "Install bubblewrap on the recorder, or allow it user name spaces; belvedere doctor says what was refused.",
    ),
    "firmware": FaultWords(
        "Camera has a known weakness",
        "Update its firmware. Where there is none, keep it on a network that nothing else reaches, or replace it.",
    ),
    "support": FaultWords(
        "Camera is no longer supported",
        "Plan its replacement: new weaknesses will not be mended. Until then keep it on a network of its own.",
    ),
    PAGE_FAILED: FaultWords(
        "A call for help could not be sent",
        "Look at Health, Who is called: send a test. Check the mail server, webhook or SMS gateway in the settings.",
    ),
    PAGE_UNANSWERED: FaultWords(
        "Nobody answers when called",
        "Look at Health, Who is called: is somebody on the rota now, and are the addresses right? Then look after the fault.",
    ),
    SITE_AWAY: FaultWords(
        "Site does not answer",
        "It goes on recording by itself if it has power. Check its line and its power; ask somebody on the spot to look.",
    ),
}

CLOSED_WORDS = {
    "": "open",
    "healthy": "closed: healthy again",
    "gone": "closed: switched off or removed",
    "by_hand": "closed by a person",
}


def title_of(kind: str) -> str:
    """The name of a kind; one that a newer site knows is named as it is."""
    known = WORDS.get(kind)
    return known.title if known is not None else kind.replace("_", " ").capitalize()


def advice_of(kind: str) -> str:
    known = WORDS.get(kind)
    return known.advice if known is not None else "See the site's log."


def is_hint(kind: str) -> bool:
    known = WORDS.get(kind)
    return known is not None and known.hint
