"""Where cameras of known makes serve their streams. Facts from public documents; docs/reference/camera-addresses.md cites them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pattern:
    """Main and sub path of one generation. `{ch}` is the channel from 1, `{ch0}` from 0, `{ch2}` with two digits.

    `single`: has no channel in it, so it is proposed for channel 1 only. `vendor`: the maker's own document says so;
    otherwise several independent users do.
    """

    main: str
    sub: str
    single: bool = False
    vendor: bool = True


@dataclass(frozen=True, slots=True)
class Make:
    """One make. The likeliest pattern comes first. Invariant: ids, aliases and brands are lower case, letters and digits only.

    `aliases` are other names of the maker itself; `brands` sell its cameras under their own name and firmware.
    """

    id: str
    name: str
    patterns: tuple[Pattern, ...]
    aliases: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    hint: str = ""  # what a person has to know before it works


MAKES = (
    Make(
        "hikvision",
        "Hikvision",
        (
            Pattern("/Streaming/Channels/{ch}01", "/Streaming/Channels/{ch}02"),
            Pattern("/h264/ch{ch}/main/av_stream", "/h264/ch{ch}/sub/av_stream", vendor=False),
        ),
        ("hik",),
        ("hilook", "ezviz"),
        "On a recorder, network cameras are numbered after the analogue channels.",
    ),
    Make(
        "dahua",
        "Dahua",
        (Pattern("/cam/realmonitor?channel={ch}&subtype=0", "/cam/realmonitor?channel={ch}&subtype=1", vendor=False),),
        (),
        ("imou", "amcrest", "lorex"),
    ),
    Make(
        "axis",
        "Axis",
        (
            Pattern("/axis-media/media.amp?camera={ch}", "/axis-media/media.amp?camera={ch}&resolution=640x360"),
            Pattern("/axis-media/media.amp", "/axis-media/media.amp?resolution=640x360", single=True),
        ),
    ),
    Make(
        "hanwha",
        "Hanwha (Wisenet, Samsung Techwin)",
        (
            Pattern("/profile2/media.smp", "/profile3/media.smp", single=True),
            Pattern("/{ch0}/profile2/media.smp", "/{ch0}/profile3/media.smp"),
            Pattern("/LiveChannel/{ch0}/media.smp/profile=2", "/LiveChannel/{ch0}/media.smp/profile=3"),
            Pattern("/LiveChannel/{ch0}/media.smp", "", vendor=True),
        ),
        ("wisenet", "samsung"),
        (),
        "Profiles can be changed in the camera. A recorder serves RTSP on its last device port (558 for 554-558).",
    ),
    Make(
        "uniview",
        "Uniview",
        (
            Pattern("/media/video1", "/media/video2", single=True, vendor=False),
            Pattern("/unicast/c{ch}/s0/live", "/unicast/c{ch}/s1/live", vendor=False),
        ),
        ("unv", "zhejianguniview"),
        ("uniarch",),
    ),
    Make(
        "reolink",
        "Reolink",
        (
            Pattern("/Preview_{ch2}_main", "/Preview_{ch2}_sub"),
            Pattern("/h264Preview_{ch2}_main", "/h264Preview_{ch2}_sub"),
        ),
        (),
        (),
        "RTSP is off by default: switch it on under Network, Advanced, Port Settings. Battery models have none.",
    ),
    Make(
        "bosch",
        "Bosch",
        (
            Pattern("/?line={ch}&inst=1", "/?line={ch}&inst=2"),
            Pattern("/rtsp_tunnel?line={ch}&inst=1", "/rtsp_tunnel?line={ch}&inst=2"),
        ),
        ("keenfinity",),
    ),
    Make(
        "vivotek",
        "Vivotek",
        (
            Pattern("/live{ch}s1.sdp", "/live{ch}s2.sdp"),
            Pattern("/live.sdp", "/live2.sdp", single=True),
        ),
        (),
        (),
        "The access names can be changed in the camera, under Network, Streaming protocols.",
    ),
    Make(
        "tplink",
        "TP-Link (VIGI, Tapo)",
        (Pattern("/stream1", "/stream2", single=True),),
        ("vigi", "tapo"),
        (),
        "Tapo: make a camera account in the app first, under Advanced settings. It is not the cloud account.",
    ),
    Make(
        "milesight",
        "Milesight",
        (
            Pattern("/main", "/sub", single=True),
            Pattern("/channel{ch}/main", "/channel{ch}/sub"),
        ),
    ),
    Make(
        "avigilon",
        "Avigilon",
        (
            Pattern("/defaultPrimary?streamType=u", "/defaultSecondary?streamType=u", single=True, vendor=False),
            Pattern(
                "/rtsp/defaultPrimary?streamType=u", "/rtsp/defaultSecondary?streamType=u", single=True, vendor=False
            ),
        ),
        ("motorola",),
    ),
    Make(
        "sony",
        "Sony",
        (Pattern("/media/video1", "/media/video2", single=True, vendor=False),),
    ),
    Make(
        "generic",
        "ONVIF or unknown",
        (
            Pattern("/onvif1", "/onvif2", single=True, vendor=False),
            Pattern("/live/ch{ch0}", "/live/ch{ch}", single=True, vendor=False),
            Pattern("/", "", single=True, vendor=False),
        ),
        ("onvif", "unknown"),
        (),
        "An ONVIF camera tells its own addresses: ask it instead of guessing where you can.",
    ),
)


def squeezed(text: str) -> str:
    """`text` as makes and models are compared: letters and digits in lower case."""
    return "".join(char for char in text.casefold() if char.isalnum())


_OWN = {name: make for make in MAKES for name in (make.id, *make.aliases)}
_BRANDS = _OWN | {name: make for make in MAKES for name in make.brands}


def _named(names: dict[str, Make], text: str) -> Make | None:
    """Cameras add words to a maker's name: `Hikvision Digital Technology Co., Ltd.`"""
    plain = squeezed(text)
    if plain in names:
        return names[plain]
    return next((make for name, make in names.items() if len(name) > 3 and plain.startswith(name)), None)


def make_of(name: str) -> Make | None:
    """The make whose addresses to try for what people, or cameras themselves, call `name`."""
    return _named(_BRANDS, name)


def same_make(one: str, other: str) -> bool:
    """Whether both name one maker. A brand that sells another maker's cameras is not that maker: its firmware is its own."""
    first = _named(_OWN, one)
    return squeezed(one) == squeezed(other) or (first is not None and first is _named(_OWN, other))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pair of addresses without credentials; `sub_url` is "" when the make is not known to have one."""

    make: Make
    main_url: str
    sub_url: str
    vendor: bool


def propose(host: str, make: str = "", channel: int = 1, port: int = 554) -> tuple[Proposal, ...]:
    """Addresses to try on `host` (a name or an address as it stands in a URL), the likeliest first; no pair twice.

    Without a make those of all makes are proposed, first each make's likeliest.
    """
    chosen = make_of(make)
    makes = MAKES if chosen is None else (chosen,)
    place = host if port == 554 else f"{host}:{port}"
    ranked = sorted(
        ((rank, at, entry, pattern) for at, entry in enumerate(makes) for rank, pattern in enumerate(entry.patterns)),
        key=lambda each: each[:2],
    )
    found: dict[str, Proposal] = {}
    for _, _, entry, pattern in ranked:
        if pattern.single and channel != 1:
            continue
        numbers = {"ch": str(channel), "ch0": str(channel - 1), "ch2": f"{channel:02d}"}
        main, sub = (path.format(**numbers) if path else "" for path in (pattern.main, pattern.sub))
        url = f"rtsp://{place}{main}"
        found.setdefault(url, Proposal(entry, url, f"rtsp://{place}{sub}" if sub else "", pattern.vendor))
    return tuple(found.values())
