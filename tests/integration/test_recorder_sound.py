"""Sound at the recorder: off until somebody says why, sealed and kept beside the pictures, given out to exports only."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest

from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BadInput, NotFound, Refused, StorageFault
from belvedere.media.mp4_audio import WavSplice
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action
from belvedere.site.ingest import messages as m
from belvedere.site.recorder.check import check
from belvedere.site.storage.index import Index
from ingest_stage import Line, ScriptedCamera, film
from recorder_stage import Stage, grant, run_start, stage
from sound_stage import camera, framed, g711, sdp, woven

REASON = "Abuse of residents at the gate was reported eleven times."


def switch(s: Stage, on: bool = True, because: str = REASON, camera: str = "cam-01") -> None:
    s.recorder.sound_book.switch(camera, on, because, "dpo")
    s.recorder.refresh()


async def test_sound_is_off_until_somebody_says_why(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.put_camera()
        worker = await s.worker()
        assert (await worker.opened()).audio == 0
        assert s.archive.status().cameras[0].sound is None
        for because in ("", "too short a reason", " " * 40):
            with pytest.raises(BadInput, match="justification"):
                switch(s, because=because)
        with pytest.raises(NotFound):
            switch(s, camera="nobody")
        assert s.archive.status().cameras[0].sound is None

        switch(s)
        assert isinstance(await worker.hear(), m.CloseStream)  # the connection is opened anew
        order = await worker.opened()
        assert order.audio and order.audio != order.stream
        sound = s.archive.status().cameras[0].sound
        assert sound is not None
        assert (sound.on, sound.because, sound.set_by) == (True, REASON, "dpo")
        assert sound.set_us > 0 and sound.stream.stream == "audio"
        assert [one.stream for one in s.archive.status().cameras[0].streams] == ["main"]

        switch(s, on=False, because="")
        await worker.hear()
        assert (await worker.opened()).audio == 0
        assert [one.on for one in s.recorder.sound_book.history("cam-01")] == [False, True]
        assert s.index.read().execute("SELECT count(*) FROM camera_sound").fetchone() == (2,)


async def test_a_camera_that_is_removed_and_comes_back_has_no_sound(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.put_camera()
        switch(s)
        await asyncio.to_thread(s.archive.remove_camera, "cam-01")
        await s.put_camera()
        assert s.recorder.sound_book.on() == frozenset()
        s.recorder.refresh()
        assert not s.recorder.sounds


async def test_sound_elsewhere_than_rtsp_is_said(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.put_camera(main="http://127.0.0.1:9/x")
        switch(s)
        sound = s.archive.status().cameras[0].sound
        assert sound is not None and sound.stream.state == "refused"
        assert "rtsp://" in sound.stream.message


async def test_a_worker_can_not_pass_pictures_for_sound(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.put_camera()
        switch(s)
        worker = await s.worker()
        order = await worker.opened()
        await worker.say(run_start(order.audio))
        assert isinstance(await worker.hear(), m.Trouble)


async def test_from_the_camera_to_a_wav_by_way_of_the_sealed_store(tmp_path: Path) -> None:
    shown, tune = film(frames=50), g711()

    def play(line: Line) -> None:
        line.send(woven(shown, framed(tune)))

    with ScriptedCamera(camera(sdp(shown, tune), play)) as cam:
        async with stage(tmp_path) as s:
            await s.put_camera(main=cam.url)
            switch(s)
            command = [sys.executable, "-m", "belvedere.site.ingest.serve", "--socket", str(s.settings.ingest_socket)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                await s.durable(3, "audio")
                await s.durable(3, "main")
                sound = s.archive.status().cameras[0].sound
                assert sound is not None and sound.stream.state == "recording"
                assert "G.711 A-law" in sound.stream.message
            finally:
                process.terminate()
                await asyncio.to_thread(process.wait, 10)
            await s.durable(4, "audio")
            assert not [call for call in s.heard.calls if "audio" in call]  # nothing of it is live
            (run,) = s.archive.timeline("cam-01", "audio", 0, 1 << 52)
            allowed = grant(s.clock)
            pieces = s.archive.playlist(allowed, "cam-01", "audio", run.start_us, run.end_us).pieces
            init = s.archive.init(allowed, "cam-01", pieces[0].config_id)
            splice = WavSplice(init.data)
            wav = b"".join(
                bytes(part)
                for piece in pieces
                for data in s.archive.read(
                    allowed, Action.EXPORT, "cam-01", "audio", piece.segment, piece.start, piece.end
                )
                for part in splice.push(data)
            )
            assert wav + splice.finish() == b"".join(tune.units)

            # Playback does not open it, whatever else the grant allows.
            with pytest.raises(Refused, match="exports only"):
                s.archive.read(allowed, Action.PLAYBACK, "cam-01", "audio", pieces[0].segment, 0, pieces[0].end)
            viewer = grant(s.clock, actions=(Action.PLAYBACK, Action.LIVE))
            with pytest.raises(Refused):
                s.archive.playlist(viewer, "cam-01", "audio", run.start_us, run.end_us)
            assert s.archive.playlist(viewer, "cam-01", "main", run.start_us, run.end_us).pieces
            disks, keyring = s.disks, s.keyring
            assert s.cameras.stream("cam-01", StreamKind.AUDIO).kind is StreamKind.AUDIO
            await s.recorder.stop()
            assert not check(s.index, keyring, disks, contents=True)


def test_an_index_of_before_takes_sound(tmp_path: Path) -> None:
    """The migration on an index with footage: rows and what refers to them stay, and a stream of sound fits afterwards."""
    path = tmp_path / "index.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript((files("belvedere.site.storage") / "schema.sql").read_text("utf-8"))
        old.executescript(
            """
            PRAGMA user_version = 2;
            INSERT INTO disk VALUES (1, 'u', 'p', 0); INSERT INTO boot VALUES (1, 0, 't');
            INSERT INTO camera VALUES (1, 'gate', 'Gate', NULL, 1, 0, 0);
            INSERT INTO stream VALUES (1, 1, 'main', 700, 1), (7, 1, 'sub', 0, 0);
            INSERT INTO stream_config VALUES (1, 1, 'c', 'h264', 'avc1', 1, 1, x'90', x'00');
            INSERT INTO run VALUES (1, 1, 1, 1, 0, 9, 'restart', '', 0, '', 0);
            """
        )
        before = old.execute("SELECT * FROM stream ORDER BY id").fetchall()
    index = Index(path, SimulatedClock())
    assert index.read().execute("SELECT * FROM stream ORDER BY id").fetchall() == before
    assert index.read().execute("PRAGMA foreign_key_check").fetchall() == []
    with index.write() as db:
        db.execute("INSERT INTO stream (camera_id, kind) VALUES (1, 'audio')")
    assert index.read().execute("SELECT id FROM stream WHERE kind = 'audio'").fetchone() == (8,)
    with pytest.raises(StorageFault), index.write() as db:
        db.execute("INSERT INTO stream (camera_id, kind) VALUES (99, 'main')")  # references are still held to
    index.close()
