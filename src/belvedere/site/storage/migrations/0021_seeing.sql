-- readers: 0017
-- What was found in pictures. Every row stands for footage that is durable, and goes with its segment in the same transaction.

CREATE TABLE seen_model (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE -- as `ObjectDetector.model`: name and version
) STRICT;

-- One row a segment that was looked at, by the newest model that did. `looked`: a byte a second, 0 nobody looked, 1 nothing moved,
-- 2 looked at. `sightings`: site/seeing/sightings.py. Invariant: (stream_id, start_us) are those of the segment.
CREATE TABLE seen (
    stream_id  INTEGER NOT NULL REFERENCES stream (id),
    start_us   INTEGER NOT NULL,
    segment_id INTEGER NOT NULL,
    model_id   INTEGER NOT NULL REFERENCES seen_model (id),
    detail     INTEGER NOT NULL,
    looked     BLOB NOT NULL,
    sightings  BLOB NOT NULL,
    PRIMARY KEY (stream_id, start_us, segment_id)
) STRICT, WITHOUT ROWID;

-- An object's presence in a stream's picture. `segment_id` holds its clearest moment, `best_us`, by which it is found.
-- `shade` is a vehicle's colour, 0 for all else: what people wear has no place in an index. Places in 1/10000 of the picture.
CREATE TABLE seen_event (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    camera_id  INTEGER NOT NULL REFERENCES camera (id),
    stream_id  INTEGER NOT NULL REFERENCES stream (id),
    segment_id INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    shade      INTEGER NOT NULL,
    upper      INTEGER NOT NULL,
    lower      INTEGER NOT NULL,
    start_us   INTEGER NOT NULL,
    end_us     INTEGER NOT NULL,
    best_us    INTEGER NOT NULL,
    confidence INTEGER NOT NULL, -- 1/10000
    box_left   INTEGER NOT NULL,
    box_top    INTEGER NOT NULL,
    box_right  INTEGER NOT NULL,
    box_bottom INTEGER NOT NULL,
    sightings  INTEGER NOT NULL,
    heading    INTEGER NOT NULL,
    detail     INTEGER NOT NULL,
    model_id   INTEGER NOT NULL REFERENCES seen_model (id),
    path       BLOB NOT NULL     -- feet, site/seeing/sightings.py
) STRICT;
CREATE INDEX seen_event_by_time ON seen_event (camera_id, best_us);
CREATE INDEX seen_event_by_kind ON seen_event (kind, camera_id, best_us);
CREATE INDEX seen_event_by_shade ON seen_event (kind, shade, camera_id, best_us) WHERE shade > 0;

CREATE TRIGGER seen_goes AFTER DELETE ON segment BEGIN
    DELETE FROM seen WHERE stream_id = OLD.stream_id AND start_us = OLD.start_us AND segment_id = OLD.id;
    -- A segment's start may have moved by seconds since; 900 s is the longest a segment is.
    DELETE FROM seen_event WHERE camera_id = (SELECT camera_id FROM stream WHERE id = OLD.stream_id)
        AND best_us BETWEEN OLD.start_us - 900000000 AND OLD.start_us + OLD.dur_us + 900000000 AND segment_id = OLD.id;
END;

CREATE TRIGGER seen_moves AFTER UPDATE OF start_us ON segment WHEN OLD.start_us <> NEW.start_us BEGIN
    UPDATE seen SET start_us = NEW.start_us
    WHERE stream_id = OLD.stream_id AND start_us = OLD.start_us AND segment_id = OLD.id;
END;

-- Where gathering of a stream's passing pictures stands, so that it goes on after a restart: site/seeing/lane.py.
CREATE TABLE seen_lane (
    stream_id INTEGER PRIMARY KEY REFERENCES stream (id),
    state     BLOB NOT NULL
) STRICT;

-- Spans that somebody wants analysed. `done_us`: everything of the span before it is done. `grant`: the hub's signed words.
CREATE TABLE seen_job (
    job        TEXT NOT NULL,
    camera_id  INTEGER NOT NULL REFERENCES camera (id),
    from_us    INTEGER NOT NULL,
    to_us      INTEGER NOT NULL,
    detail     INTEGER NOT NULL,
    fps        REAL NOT NULL,
    state      TEXT NOT NULL, -- waiting, running, paused, done, failed
    done_us    INTEGER NOT NULL,
    found      INTEGER NOT NULL,
    message    TEXT NOT NULL,
    asked_us   INTEGER NOT NULL,
    grant      BLOB NOT NULL,
    PRIMARY KEY (job, camera_id, from_us, to_us, detail)
) STRICT, WITHOUT ROWID;
