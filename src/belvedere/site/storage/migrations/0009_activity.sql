-- What passed, second by second, without decoding: one row a closed segment, written with it, gone with it.
-- Clustered by stream and time, so that a camera's day is one short range. `sizes`, `gate`: site/activity/seconds.py.
-- Invariant: (stream_id, start_us) are those of the segment; no row stands for a segment that is not there.
CREATE TABLE activity (
    stream_id  INTEGER NOT NULL REFERENCES stream (id),
    start_us   INTEGER NOT NULL,
    segment_id INTEGER NOT NULL,
    source     INTEGER NOT NULL, -- 1: each frame was measured as it passed; 2: worked out later from the index
    sizes      BLOB NOT NULL,
    gate       BLOB,             -- keyframe differences, one byte a second; NULL: not looked at
    PRIMARY KEY (stream_id, start_us, segment_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER activity_goes AFTER DELETE ON segment BEGIN
    DELETE FROM activity WHERE stream_id = OLD.stream_id AND start_us = OLD.start_us AND segment_id = OLD.id;
END;

CREATE TRIGGER activity_moves AFTER UPDATE OF start_us ON segment WHEN OLD.start_us <> NEW.start_us BEGIN
    UPDATE activity SET start_us = NEW.start_us
    WHERE stream_id = OLD.stream_id AND start_us = OLD.start_us AND segment_id = OLD.id;
END;

-- How a stream's encoder holds its bitrate, as its sizes tell; looked at anew each day.
CREATE TABLE rate_control (
    stream_id  INTEGER PRIMARY KEY REFERENCES stream (id),
    kind       TEXT NOT NULL, -- vbr, capped, cbr, smart, unclear
    confidence REAL NOT NULL, -- 0 to 1
    seconds    INTEGER NOT NULL, -- looked at
    seen_us    INTEGER NOT NULL
) STRICT;

-- Parts of a camera's picture whose movement does not count: polygons in shares of width and height, MessagePack.
CREATE TABLE activity_zone (
    camera_id INTEGER PRIMARY KEY REFERENCES camera (id),
    polygons  BLOB NOT NULL
) STRICT;
