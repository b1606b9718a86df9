"""Activity: what packet sizes and keyframe differences are worth by rate control, what they cost, how quick a camera-day is.

Scenes are made, so that the truth is known. BELVEDERE_CLIPS=FOLDER measures real clips as well, against decoded motion.
"""

import os
import tempfile
import time
from pathlib import Path

import activity_scene as scene
import av
import cv2
import numpy as np
from numpy.typing import NDArray
from table import Claim

from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.media.activity import first_frame
from belvedere.media.stream import Fragment, StreamConfig
from belvedere.site.activity import strip
from belvedere.site.activity.decoder import Decoder
from belvedere.site.activity.decoder_pipe import Look
from belvedere.site.activity.gate import Compared, gate_of, share_byte
from belvedere.site.activity.laid import PAD_S, nothing
from belvedere.site.activity.rate import RateControl, RateKind
from belvedere.site.activity.recognise import recognise
from belvedere.site.activity.seconds import MOST_SECONDS, Tally, pack, tally_reader
from belvedere.site.activity.series import SECOND, Series, of
from belvedere.site.activity.store import ActivityStore, Row
from belvedere.site.activity.value import gate_values, size_values
from belvedere.site.storage.index import Index

SEGMENT_90K = 60 * 90_000


def auc(truth: NDArray[np.bool_], values: NDArray[np.float64]) -> float:
    """Area under the ROC curve: how often a busy second stands above a quiet one. Seconds without a value are left out."""
    known = ~np.isnan(values)
    truth, values = truth[known], values[known]
    busy, quiet = values[truth], np.sort(values[~truth])
    if not len(busy) or not len(quiet):
        return float("nan")
    below, upto = np.searchsorted(quiet, busy, "left"), np.searchsorted(quiet, busy, "right")
    return float(np.mean((below + upto) / 2) / len(quiet))


def measured(config: StreamConfig, parts: list[Fragment]) -> tuple[Series, dict[str, float]]:
    """A stream's series as the recorder would keep it, gate included, with what it cost."""
    seconds = parts[-1].start_90k // 90_000 + 1
    laid = nothing(0, seconds)
    reader, spent = tally_reader(config), 0.0
    rows: list[Row] = []
    tally, start_90k, count = Tally(0, reader), 0, 0
    for part in [*parts, None]:
        if part is None or (part.keyframe and part.start_90k - start_90k >= SEGMENT_90K):
            begun = time.process_time()
            folded = tally.seconds(count)
            pack(folded)
            spent += time.process_time() - begun
            rows.append(Row(len(rows), start_90k * 100 // 9, 1, folded, None))
            if part is None:
                break
            tally, start_90k, count = Tally(part.start_90k, reader), part.start_90k, 0
        begun = time.process_time()
        tally.add(part)
        spent += time.process_time() - begun
        count += 1
    decoder, compared, before, looked_us, keys = Decoder(), [], None, 0, 0
    for part in parts:
        found = first_frame(part.data) if part.keyframe else None
        if found is None:
            continue
        data = bytes(part.data[found[0] : sum(found)])
        told = decoder.look(Look(1, False, False, config.codec, config.parameter_sets, data))
        at_us = part.start_90k * 100 // 9
        if told.share is not None and before is not None:
            compared.append(Compared(before, at_us, share_byte(told.share)))
        before, looked_us, keys = at_us, looked_us + told.cpu_us, keys + 1
    for row in rows:
        laid.lay(row.start_us, 1, row.seconds, gate_of(row, compared))
    return of(laid), {
        "tally_us": spent * 1e6 / seconds,
        "gate_ms": looked_us / 1e3 / seconds,
        "keyframe_ms": looked_us / 1e3 / max(1, keys),
    }


def by_rate_control(seconds: int) -> list[Claim]:
    shown, moves = [], []
    for picture, moving in scene.pictures(seconds, 11):
        shown.append(picture)
        moves.append(moving)
    truth = np.asarray(np.array(moves, np.bool_).reshape(seconds, scene.FPS).any(axis=1), np.bool_)
    # A gate sees from keyframe to keyframe: its truth is whether anything moved in that stretch.
    pairs = np.asarray(truth.reshape(-1, scene.GOP_S).any(axis=1), np.bool_)
    goals = {"vbr": (0.9, 0.9), "capped": (0.85, 0.9), "cbr": (None, 0.9), "smart": (0.9, None)}
    claims = []
    costs: dict[str, list[float]] = {"tally_us": [], "gate_ms": []}
    for kind, (sizes_goal, gate_goal) in goals.items():
        config, frames = scene.encode(shown, kind)
        series, cost = measured(config, scene.fragments(frames))
        rate = recognise(series)
        values = size_values(series, by_qp=rate.by_qp)
        by_size = auc(truth, values)
        raw = auc(truth, series.frame_bytes)
        kilobits = sum(len(frame.data) for frame in frames) * 8 / 1000 / seconds
        claims.append(
            Claim(
                f"{kind} ({kilobits:.0f} kbit/s): size value, AUC by second",
                f">= {sizes_goal}" if sizes_goal else "", by_size, "", "plain mean frame size", raw,
                None if sizes_goal is None else by_size >= sizes_goal,
            )
        )  # fmt: skip
        gate = gate_values(series)
        if kind == "smart":
            found = auc(truth, gate)
        else:
            found = auc(pairs, gate[: len(pairs) * scene.GOP_S].reshape(-1, scene.GOP_S)[:, 0])
        claims.append(
            Claim(f"{kind}: keyframe difference, AUC by stretch between keyframes", f">= {gate_goal}" if gate_goal else "",
                  found, "", "size value", by_size, None if gate_goal is None else found >= gate_goal)
        )  # fmt: skip
        claims.append(
            Claim(
                f"{kind}: recognised as {rate.kind}, confidence",
                "the right one",
                rate.confidence,
                "",
                ok=rate.kind == kind,
            )
        )
        if kind != "smart":
            costs["gate_ms"].append(cost["gate_ms"])
        costs["tally_us"].append(cost["tally_us"])
    claims.append(Claim("sizes and QP, CPU per stream-second", "<= 45 us", float(np.median(costs["tally_us"])), "us",
                        ok=float(np.median(costs["tally_us"])) <= 45))  # fmt: skip
    claims.append(Claim("keyframe difference, CPU per camera-second", "<= 1.1 ms", float(np.median(costs["gate_ms"])), "ms",
                        ok=float(np.median(costs["gate_ms"])) <= 1.1))  # fmt: skip
    return claims


def camera_day(cameras: int) -> list[Claim]:
    """Strips of a day from an index with a day of many cameras, and what a month of 60 would weigh."""
    rng = np.random.default_rng(3)
    blobs = []
    for _ in range(200):
        some = np.zeros(60, SECOND)
        some["inter_bytes"], some["inter_frames"] = rng.lognormal(10.3, 0.35, 60), 10
        some["key_bytes"][::2], some["key_frames"][::2], some["qp"] = (
            rng.normal(24_000, 900, 30),
            1,
            rng.integers(100, 116, 60),
        )
        blobs.append(pack(some.tobytes()))
    assert MOST_SECONDS > 60
    with tempfile.TemporaryDirectory(prefix="bv-activity-") as name:
        path = Path(name) / "index.db"
        index = Index(path, SystemClock())
        size = path.stat().st_size
        with index.write() as db:
            for camera in range(1, cameras + 1):
                db.execute(
                    "INSERT INTO camera (id, slug, name, enabled, created_us) VALUES (?, ?, '', 1, 0)",
                    (camera, f"cam-{camera}"),
                )
                db.execute("INSERT INTO stream (id, camera_id, kind) VALUES (?, ?, 'sub')", (camera, camera))
            rows = (
                (
                    camera,
                    minute * 60 * SECOND_US,
                    minute * cameras + camera,
                    blobs[(minute * 7 + camera) % 200],
                    bytes(60),
                )
                for minute in range(1440)
                for camera in range(1, cameras + 1)
            )
            db.executemany("INSERT INTO activity VALUES (?, ?, ?, 1, ?, ?)", rows)
        index.forget()
        day_bytes = (path.stat().st_size - size) / cameras
        store, took = ActivityStore(index), []
        rate = RateControl(RateKind.VBR, 0.9, 86_400)
        for camera in range(1, min(cameras, 12) + 1):
            begun = time.process_time()
            padded = of(store.laid(camera, -PAD_S, 86_400 + PAD_S))
            strip.draw(padded, 0, 86_400, 1600, rate)
            took.append((time.process_time() - begun) * 1000)
        index.close()
    month = day_bytes * 60 * 31 * 2
    return [
        Claim(
            "strip of a camera-day, median CPU",
            "<= 100 ms",
            float(np.median(took)),
            "ms",
            ok=float(np.median(took)) <= 100,
        ),
        Claim("activity in the index, a stream-second", "", day_bytes / 86_400, "bytes"),
        Claim("60 cameras, two streams, 31 days", "", month / 1e9, "GB"),
    ]


def real_clips(folder: Path) -> list[Claim]:
    """Real clips, encoded anew as variable bitrate, against decoded motion (MOG2, largest blob above 0.15 %)."""
    claims = []
    for path in sorted(each for each in folder.iterdir() if each.suffix in (".mp4", ".avi")):
        shown: list[NDArray[np.uint8]] = []
        labels: list[bool] = []
        subtractor = cv2.createBackgroundSubtractorMOG2(history=300, varThreshold=25, detectShadows=True)
        with av.open(str(path)) as container:
            due = 0.0
            for frame in container.decode(video=0):
                if frame.time is None or frame.time < due:
                    continue
                due += 1 / scene.FPS
                grey = frame.reformat(width=scene.WIDTH, height=scene.HEIGHT, format="gray").to_ndarray()
                mask = cv2.morphologyEx((subtractor.apply(cv2.GaussianBlur(grey, (5, 5), 0)) == 255).astype(np.uint8),
                                        cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))  # fmt: skip
                _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
                largest = int(stats[1:, cv2.CC_STAT_AREA].max()) if len(stats) > 1 else 0
                shown.append(np.asarray(grey, np.uint8))
                labels.append(largest > 0.0015 * grey.size)
        count = len(shown) // (scene.FPS * scene.GOP_S)
        truth = np.array(labels[: count * scene.FPS * scene.GOP_S]).reshape(count, -1).mean(axis=1) > 0.5
        if count < 8 or truth[2:].all() or not truth[2:].any():
            continue
        for kind in ("vbr", "capped", "cbr"):
            config, frames = scene.encode(shown[: count * scene.FPS * scene.GOP_S], kind)
            series, _ = measured(config, scene.fragments(frames))
            sizes = np.nanmax(series.frame_bytes.reshape(count, -1), axis=1)
            gate = gate_values(series).reshape(count, -1)[:, 0]
            said = f"{path.name[:28]}, {kind}: keyframe difference, AUC of {count} GOPs"
            claims.append(Claim(said, "", auc(truth[2:], gate[2:]), "", "packet sizes", auc(truth[2:], sizes[2:])))
    return claims


def bench(*, quick: bool) -> list[Claim]:
    claims = by_rate_control(720 if quick else 2400) + camera_day(12 if quick else 60)
    clips = os.environ.get("BELVEDERE_CLIPS", "")
    return claims + (real_clips(Path(clips)) if clips else [])
