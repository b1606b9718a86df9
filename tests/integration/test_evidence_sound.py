"""Sound in an evidence pack: files of its own, byte for byte, listed, signed, and only where it was switched on."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
import msgspec

from belvedere.cli.originals import originals
from belvedere.hub.evidence.verify import verify_pack
from belvedere.link.messages import Init, Piece, Playlist, SiteStatus, SoundStatus
from belvedere.media.fmp4 import write_fragment
from belvedere.media.jpeg_sei import jpeg_sei
from belvedere.media.mp4_audio import sound_config
from belvedere.media.nal import join_lengths
from belvedere.media.stream import Frame
from belvedere.policy.grant import Action, Grant
from evidence_stage import BrokenArchive, evidence_stage
from hub_stage import stream
from sound_stage import Tune, aac, g711

_SEGMENT = 900
_EACH = 25
REASON = "Abuse of residents at the gate was reported eleven times."


def fragments(tune: Tune, missing: frozenset[int] = frozenset()) -> tuple[list[bytes], int]:
    """A tune as the recorder keeps it, some packets lost; and how long it lasts in ticks of 1/90 000 s."""
    rate = 90_000 // tune.track.clock_rate if 90_000 % tune.track.clock_rate == 0 else 90_000 / tune.track.clock_rate
    at = [int(index * tune.ticks * rate) for index in range(len(tune.units) + 1)]
    frames = [Frame(unit, at[i], 0, True, 0) for i, unit in enumerate(tune.units) if i not in missing]
    parts = [frames[i : i + _EACH] for i in range(0, len(frames), _EACH)]
    ends = [part[0].dts_90k for part in parts[1:]] + [at[-1]]
    return [write_fragment(part, end, i) for i, (part, end) in enumerate(zip(parts, ends, strict=True))], at[-1]


@dataclass
class SoundArchive(BrokenArchive):
    """The same camera with sound beside its first run: half of it G.711 with a hole, then AAC."""

    @property
    def sounds(self) -> list[tuple[Tune, frozenset[int]]]:
        return [(g711(), frozenset({7, 8, 40})), (aac(), frozenset())]

    def status(self) -> SiteStatus:
        status = super().status()
        sound = SoundStatus(True, REASON, "dpo", 5, stream("audio"))
        return msgspec.structs.replace(status, cameras=(msgspec.structs.replace(status.cameras[0], sound=sound),))

    def playlist(self, grant: Grant, camera: str, stream: str, from_us: int, to_us: int) -> Playlist:
        if stream != "audio" or camera != "gate":
            return super().playlist(grant, camera, stream, from_us, to_us)
        grant.require(Action.EXPORT, camera, now_us=self.clock.now_us(), start_us=from_us, end_us=to_us)
        pieces = []
        start_us = self.start_us
        for number, (tune, missing) in enumerate(self.sounds):
            data, length = fragments(tune, missing)
            lasts_us = length * 100 // 9
            config = sound_config(tune.track).config_id
            size = sum(map(len, data))
            pieces.append(Piece(_SEGMENT + number, config, 50 + number, start_us, lasts_us, 0, 0, size))
            start_us += lasts_us
        return Playlist(camera, stream, tuple(pieces), False)

    def read(
        self, grant: Grant, action: Action, camera: str, stream: str, segment: int, start: int, end: int
    ) -> Iterator[bytes]:
        if stream != "audio":
            yield from super().read(grant, action, camera, stream, segment, start, end)
            return
        assert action is Action.EXPORT
        data = b"".join(fragments(*self.sounds[segment - _SEGMENT])[0])[start:end]
        for at in range(0, len(data), 777):
            yield data[at : at + 777]

    def init(self, grant: Grant, camera: str, config_id: str) -> Init:
        for tune, _ in self.sounds:
            config = sound_config(tune.track)
            if config.config_id == config_id:
                return Init(config_id, config.codec, config.codec_string, 0, 0, config.init)
        return super().init(grant, camera, config_id)


def decoded(file: bytes) -> int:
    with av.open(io.BytesIO(file), "r") as found:
        return sum(frame.samples for frame in found.decode(found.streams.audio[0]))


async def test_a_pack_holds_the_sound_as_the_camera_sent_it(tmp_path: Path) -> None:
    async with evidence_stage(tmp_path, shelf=SoundArchive) as stage:
        export = await stage.export()
        path = await stage.pack(export, tmp_path / "pack.zip")
        assert verify_pack(path, stage.public_key).valid
    with zipfile.ZipFile(path) as pack:
        manifest = json.loads(pack.read("manifest.json"))
        wav, m4a = pack.read("sound/gate-1.wav"), pack.read("sound/gate-2.m4a")
        words = pack.read("README.txt").decode()
    lossy, missing, whole = g711(), frozenset({7, 8, 40}), aac()
    silence = b"\xd5" * lossy.ticks
    kept = b"".join(silence if i in missing else unit for i, unit in enumerate(lossy.units))
    assert wav.endswith(kept) and wav[:4] == b"RIFF"
    assert decoded(wav) == lossy.ticks * len(lossy.units)
    with av.open(io.BytesIO(m4a), "r") as found:
        assert b"".join(bytes(one) for one in found.demux(found.streams.audio[0])) == b"".join(whole.units)
    assert decoded(m4a) == whole.ticks * len(whole.units)
    (camera,) = manifest["cameras"]
    first, second = camera["sound"]
    assert (first["codec"], first["filled_bytes"], second["codec"]) == ("pcma", 3 * lossy.ticks, "aac")
    assert "sound/gate-1.wav" in words and "G.711 A-law" in words and "silence" in words
    assert len(camera["clips"]) == 2


async def test_a_pack_with_other_sound_than_it_says_does_not_hold(tmp_path: Path) -> None:
    async with evidence_stage(tmp_path, shelf=SoundArchive) as stage:
        path = await stage.pack(await stage.export(), tmp_path / "pack.zip")
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(path) as pack, zipfile.ZipFile(changed, "w") as out:
        for info in pack.infolist():
            data = pack.read(info)
            out.writestr(info.filename, data[:-1] + b"\0" if info.filename == "sound/gate-1.wav" else data)
    report = verify_pack(changed)
    assert not report.valid
    assert any("sound/gate-1.wav" in problem for problem in report.problems)


@dataclass
class JpegArchive(BrokenArchive):
    """The same camera, had it sent JPEG: a picture inside each of the film's."""

    def __post_init__(self) -> None:
        frames = tuple(
            replace(frame, data=join_lengths([jpeg_sei(b"\xff\xd8 picture %d" % at)]) + frame.data)
            for at, frame in enumerate(self.film.frames)
        )
        self.film = replace(self.film, frames=frames)


async def test_a_pack_says_where_the_recorder_made_the_video(tmp_path: Path) -> None:
    async with evidence_stage(tmp_path, shelf=JpegArchive) as stage:
        path = await stage.pack(await stage.export(), tmp_path / "pack.zip")
        assert verify_pack(path, stage.public_key).valid
    with zipfile.ZipFile(path) as pack:
        (camera,) = json.loads(pack.read("manifest.json"))["cameras"]
        assert [clip["originals"] for clip in camera["clips"]] == ["jpeg", "jpeg"]
        words = pack.read("README.txt").decode()
        (tmp_path / "clip.mp4").write_bytes(pack.read(camera["clips"][0]["path"]))
    assert "made by the recorder of the JPEG pictures" in words and "as the camera sent it, not" not in words
    originals(tmp_path / "clip.mp4", tmp_path / "out")
    found = sorted(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert len(found) >= 20 and all(one.startswith(b"\xff\xd8 picture") for one in found)
