"""Activity with the recorder: what is kept equals what was sent, comes only with durable footage, and goes with it."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from activity_stage import FPS, bring_in, cut, film, pictures, started
from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.errors import NotFound, Refused, Unavailable
from belvedere.link.activity import AskMovement, GetActivity, GetActivityZones, PutActivityZones
from belvedere.media.stream import Fragment, Frame, StreamConfig
from belvedere.policy.grant import Action, Grant
from belvedere.site.activity.answers import ActivityAnswers
from belvedere.site.activity.backfill import Backfill
from belvedere.site.activity.decoder_pipe import Look, Recognise, Told
from belvedere.site.activity.decoder_process import DecoderProcess
from belvedere.site.activity.gate import Gate
from belvedere.site.activity.look import Looker
from belvedere.site.activity.recognise import recognise
from belvedere.site.activity.room import Ears
from belvedere.site.activity.seconds import FROM_FRAMES, FROM_INDEX
from belvedere.site.activity.series import SECOND, empty, of
from belvedere.site.activity.store import ActivityStore, Row
from belvedere.site.ingest import messages as m
from belvedere.site.recorder.live import LiveSink
from belvedere.site.storage.deletion import Doomed, delete
from belvedere.site.storage.index import statements
from recorder_stage import Heard, Stage, came, grant, stage


def arrays(row: Row) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    return np.frombuffer(row.seconds, SECOND)


class Desk:
    """Opens any grant as the one that the test holds."""

    def __init__(self, held: Grant) -> None:
        self.held = held

    def open(self, wire: bytes) -> Grant:
        return self.held


async def record(site: Stage, config: StreamConfig, fragments: list[Fragment], *, kind: str = "main") -> None:
    """Send a film as a camera's stream and end its run, so that all segments close."""
    worker = await site.worker()
    await site.put_camera()
    order = await worker.opened()
    await worker.say(started(order.stream, config), *(came(order.stream, each) for each in fragments))
    await worker.say(m.RunEnd(order.stream, "camera_closed", ""))
    await site.durable(len(fragments), kind)
    async with asyncio.timeout(20):
        while site.index.read().execute("SELECT count(*) FROM segment WHERE flags & 1").fetchone()[0]:
            await asyncio.sleep(0.02)


def sent(frames: list[Frame]) -> tuple[int, int, int, int]:
    """Bytes and number of inter frames, bytes and number of keyframes."""
    inter = [len(frame.data) for frame in frames if not frame.keyframe]
    keys = [len(frame.data) for frame in frames if frame.keyframe]
    return sum(inter), len(inter), sum(keys), len(keys)


def kept(site: Stage) -> tuple[int, int, int, int]:
    store = ActivityStore(site.index)
    rows = store.rows(store.streams("cam-01")["main"], 0, 1 << 60)
    names = ("inter_bytes", "inter_frames", "key_bytes", "key_frames")
    return tuple(int(sum(arrays(row)[name].sum() for row in rows)) for name in names)  # type: ignore[return-value]


async def test_what_is_kept_is_what_was_sent(tmp_path: Path) -> None:
    config, frames = film(pictures(21, [(8, 12)]))
    async with stage(tmp_path) as site:
        start_us = site.clock.now_us() - 30 * SECOND_US
        await record(site, config, cut(frames, start_us))
        assert kept(site) == sent(frames)
        store = ActivityStore(site.index)
        stream_id = store.streams("cam-01")["main"]
        rows = sorted(store.rows(stream_id, 0, 1 << 60), key=lambda row: row.segment_id)
        assert {row.source for row in rows} == {FROM_FRAMES}
        # Second by second: the film's seconds are whole frames, the segments begin at whole seconds of it.
        seconds = np.concatenate([arrays(row) for row in rows])
        assert len(seconds) == 21
        for number, second in enumerate(seconds):
            assert (
                int(second["inter_bytes"]), int(second["inter_frames"]), int(second["key_bytes"]), int(second["key_frames"])
            ) == sent(frames[number * FPS : (number + 1) * FPS])  # fmt: skip
        assert np.all(seconds["qp"] > 0)
        # Rows and segments belong together, one for one, before and after deletion.
        pairs = "SELECT count(*) FROM activity a JOIN segment g ON g.id = a.segment_id AND g.start_us = a.start_us"
        count = site.index.read().execute("SELECT count(*) FROM segment").fetchone()[0]
        assert site.index.read().execute(pairs).fetchone()[0] == count == len(rows)
        of_run = site.index.read().execute(statements()["of_run"], {"run_id": 1}).fetchall()
        delete(site.index, site.disks[0].files, [Doomed(*row[:6]) for row in of_run[:1]])
        assert len(store.rows(stream_id, 0, 1 << 60)) == len(rows) - 1


def answering(site: Stage, decoder: DecoderProcess, held: Grant) -> ActivityAnswers:
    store = ActivityStore(site.index)
    looker = Looker(store, site.archive, decoder, site.clock)
    return ActivityAnswers(store, looker, Desk(held), site.clock, lambda *_: None, lambda *_: [])


async def test_did_anything_move(tmp_path: Path) -> None:
    """Sizes only order; keyframes, looked at under the asker's grant, say yes and no, and what was found is kept."""
    config, frames = film(pictures(60, [(30, 40)], clock=True))
    decoder = DecoderProcess(SystemClock())
    try:
        async with stage(tmp_path) as site:
            start_us = (site.clock.now_us() // SECOND_US - 3600) * SECOND_US
            await site.put_camera()
            await bring_in(site, config, cut(frames, start_us), start_us, "main")
            answers = answering(site, decoder, grant(site.clock))

            def ask(first: int, last: int, *, look: bool) -> tuple[str, list[tuple[int, int]], int]:
                request = AskMovement(b"", "cam-01", start_us + first * SECOND_US, start_us + last * SECOND_US, look)
                answer = answers.movement(request)
                found = [
                    ((m.start_us - start_us) // SECOND_US, (m.end_us - start_us) // SECOND_US) for m in answer.moved
                ]
                assert answer.text
                assert answer.recorded_s + answer.missing_s == last - first
                return answer.answer, found, answer.checked_s

            assert ask(0, 60, look=False) == ("unclear", [], 0)
            answer, found, checked = await asyncio.to_thread(ask, 0, 60, look=True)
            assert answer == "yes"
            assert found == [(28, 42)] or found == [(28, 40)] or found == [(30, 40)], found
            assert checked >= 56
            # Kept: nobody has to look again.
            looks = decoder.looks
            assert ask(2, 26, look=True)[0] == "no"
            assert ask(30, 40, look=True)[0] == "yes"
            assert decoder.looks == looks
            strip = answers.activity(GetActivity(b"", ("cam-01",), start_us, start_us + 60 * SECOND_US, 30))
            (camera,) = strip.cameras
            assert len(camera.values) == len(camera.checked) == 30
            busy = [value for n, value in enumerate(camera.values) if 15 <= n < 20]
            quiet = [value for n, value in enumerate(camera.values) if n < 14]
            assert min(busy) > max(quiet) >= 1
            assert set(camera.checked[1:28]) == {255}
    finally:
        decoder.close()


async def test_no_answer_without_a_grant_for_it(tmp_path: Path) -> None:
    config, frames = film(pictures(4, []))
    decoder = DecoderProcess(SystemClock())
    async with stage(tmp_path) as site:
        start_us = (site.clock.now_us() // SECOND_US - 3600) * SECOND_US
        await site.put_camera()
        await bring_in(site, config, cut(frames, start_us), start_us, "main")
        end_us = start_us + 4 * SECOND_US
        for held in (
            grant(site.clock, cameras=("other",)),
            grant(site.clock, actions=(Action.LIVE,)),
            grant(site.clock, from_us=start_us + 1),
        ):
            answers = answering(site, decoder, held)
            with pytest.raises(Refused):
                answers.activity(GetActivity(b"", ("cam-01",), start_us, end_us, 4))
            with pytest.raises(Refused):
                answers.movement(AskMovement(b"", "cam-01", start_us, end_us, True))
        answers = answering(site, decoder, grant(site.clock))
        corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.5))
        answers.put_zones(PutActivityZones("cam-01", (corners,)))
        assert answers.zones(GetActivityZones("cam-01")).zones == (corners,)
        with pytest.raises(NotFound):
            answers.put_zones(PutActivityZones("nobody", ()))
        assert decoder.looks == 0


async def test_the_gate_hears_what_passes(tmp_path: Path) -> None:
    """Keyframes are compared as they pass; the results lie beside the sizes once their segments are there."""
    config, frames = film(pictures(24, [(12, 16)]))
    decoder = DecoderProcess(SystemClock())
    try:
        async with stage(tmp_path) as site:
            store = ActivityStore(site.index)
            gate = Gate(store, decoder, site.clock, 1.0)
            sink: LiveSink = Ears(Heard(), gate)
            start_us = (site.clock.now_us() // SECOND_US - 3600) * SECOND_US
            await site.put_camera()
            fragments = cut(frames, start_us)
            sink.config("cam-01", "sub", config)
            for fragment in fragments:
                sink.fragment("cam-01", "sub", fragment)
                await asyncio.to_thread(gate.look)
            assert (gate.looked, gate.skipped) == (12, 0)
            assert len(gate.pending("cam-01", "sub")) == 11
            gate.flush()
            assert len(gate.pending("cam-01", "sub")) == 11, "nothing is thrown away before its footage is there"
            await bring_in(site, config, fragments, start_us, "sub")
            gate.flush()
            assert gate.pending("cam-01", "sub") == []
            first_s = start_us // SECOND_US
            series = of(store.laid(store.streams("cam-01")["sub"], first_s, first_s + 24))
            assert np.all(series.gate[:21] > 0)
            assert series.gate[13] > 5 * series.gate[3]
            sink.fragment("cam-01", "sub", fragments[0])
            sink.fragment("cam-01", "sub", fragments[0])
            assert gate.skipped == 1, "what nobody had time for is counted"
    finally:
        decoder.close()


def test_rate_control_is_recognised_where_numpy_is() -> None:
    """The decoder process says what the same seconds give here; the site's own process has no numpy."""
    rng = np.random.default_rng(4)
    series = empty(0, 1200)
    series.seconds["inter_bytes"], series.seconds["inter_frames"] = 40_000 * rng.lognormal(0, 0.4, 1200), 10
    series.seconds["key_bytes"][::2], series.seconds["key_frames"][::2], series.seconds["qp"] = 30_000, 1, 105
    series.source[:] = 1
    here = recognise(series)
    decoder = DecoderProcess(SystemClock())
    try:
        there = decoder.recognise(Recognise(series.seconds.tobytes(), series.source.tobytes()))
        assert (there.kind, there.confidence, there.seconds) == (here.kind, here.confidence, 1200)
        decoder.rest()
        assert decoder.recognise(Recognise(b"no stream", b"")).seconds == 0, (
            "started again, and nothing made of nothing"
        )
    finally:
        decoder.close()
    with pytest.raises(Unavailable):
        decoder.recognise(Recognise(b"", b""))


class Saying:
    """A decoder that finds the same in each picture."""

    def __init__(self, hint: str) -> None:
        self.hint = hint

    def ask(self, _look: Look) -> Told:
        return Told(0.5, 100.0, 20.0, self.hint, 10)


async def test_a_change_of_the_whole_picture_is_passed_on_as_a_hint(tmp_path: Path) -> None:
    config, frames = film(pictures(4, []))
    async with stage(tmp_path) as site:
        start_us = (site.clock.now_us() // SECOND_US - 3600) * SECOND_US
        for hint, expected in (("", []), ("blocked", ["cam-01", "cam-01"])):
            gate = Gate(ActivityStore(site.index), Saying(hint), site.clock, 1.0)  # type: ignore[arg-type]
            hinted: list[str] = []
            gate.on_hint = hinted.append
            gate.config("cam-01", "sub", config)
            for fragment in cut(frames, start_us):
                gate.fragment("cam-01", "sub", fragment)
                gate.look()
            assert gate.looked == 2 and hinted == expected


async def test_older_footage_is_counted_from_the_index(tmp_path: Path) -> None:
    config, frames = film(pictures(21, [(8, 12)]))
    async with stage(tmp_path) as site:
        start_us = (site.clock.now_us() // SECOND_US - 3600) * SECOND_US
        await site.put_camera()
        await bring_in(site, config, cut(frames, start_us), start_us, "main")
        inter, inter_frames, keys, key_frames = kept(site)
        with site.index.write() as db:
            db.execute("DELETE FROM activity")
        backfill = Backfill(site.index)
        while backfill.step():
            pass
        found = kept(site)
        store = ActivityStore(site.index)
        assert {row.source for row in store.rows(store.streams("cam-01")["main"], 0, 1 << 60)} == {FROM_INDEX}
        assert (found[1], found[3]) == (inter_frames, key_frames)
        # Whole fragments with their boxes are all that the index knows; keyframes are estimated.
        assert abs(found[0] + found[2] - inter - keys) < 200 * len(cut(frames, start_us))
        assert abs(found[2] - keys) < 0.3 * keys
        counted = backfill.counted
        while backfill.step():
            pass
        assert backfill.counted == counted, "what is counted is left alone"
