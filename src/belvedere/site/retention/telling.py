"""From destroyed segments to lines that a certificate can be made of: one a camera, stream, day and reason."""

from belvedere.foundation.clock import DAY_US
from belvedere.link.retention import Destruction
from belvedere.site.retention.statements import statements
from belvedere.site.storage.index import Index
from belvedere.tlog.merkle import leaf_hash, root_of

_AT_ONCE = 500


def tell_lines(index: Index, now_us: int) -> int:
    """Close the lines that are complete. What went for lack of space is gathered until its day is over."""
    today_us = now_us // DAY_US * DAY_US
    lines = 0
    for camera_id, camera, stream, day, why, decided, newest_us in (
        index.read().execute(statements()["told_lines"]).fetchall()
    ):
        if why == "space" and newest_us >= today_us:
            continue
        group = {"camera_id": camera_id, "stream": stream, "day": day, "why": why, "decided": decided}
        with index.write() as db:
            rows = db.execute(statements()["told_segments"], group).fetchall()
            days = {row[1] for row in rows if row[1] >= 0}
            kept = any(
                db.execute(statements()["key_kept"], {"camera_id": camera_id, "day": one}).fetchone()[0] for one in days
            )
            db.execute(
                "INSERT INTO destruction (camera, stream, day, from_us, to_us, segments, bytes, root, why, decided, marked_us, "
                "destroyed_us, key_destroyed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    camera,
                    stream,
                    day,
                    min(row[2] for row in rows),
                    max(row[2] + row[3] for row in rows),
                    len(rows),
                    sum(row[4] for row in rows),
                    root_of(leaf_hash(row[5]) for row in rows),
                    why,
                    decided,
                    min(row[6] for row in rows),
                    max(row[7] for row in rows),
                    int(not kept),
                ),
            )
            db.executemany("DELETE FROM destroyed_segment WHERE seq = ?", [(row[0],) for row in rows])
        lines += 1
    return lines


def destructions(index: Index, after: int) -> tuple[Destruction, ...]:
    """Lines above `after`, in order, as many as fit in one answer."""
    rows = index.read().execute(
        "SELECT id, camera, stream, day, from_us, to_us, segments, bytes, root, why, decided, marked_us, destroyed_us, "
        "key_destroyed FROM destruction WHERE id > ? ORDER BY id LIMIT ?",
        (after, _AT_ONCE),
    )
    found = []
    for row in rows.fetchall():
        camera, stream, day, from_us, to_us, segments, size, root, why, decided, marked_us, destroyed_us, gone = row[1:]
        found.append(
            Destruction(
                id=row[0],
                camera=camera,
                stream=stream,
                day=day,
                from_us=from_us,
                to_us=to_us,
                segments=segments,
                bytes=size,
                root=root.hex(),
                why=why,
                decided=decided,
                marked_us=marked_us,
                destroyed_us=destroyed_us,
                key_destroyed=bool(gone),
            )
        )
    return tuple(found)
