-- Custody of camera-day keys, and what proves a camera-day whole.

-- The list of recipients that the hub signed last. A key is sealed for each of them when it is made.
CREATE TABLE recipient_list (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    issued_us INTEGER NOT NULL, -- an older list never takes its place
    words     BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

-- A camera-day key sealed for one recipient, media/keybox.py. Invariant: `acknowledged_us` is set only on the hub's signed word
-- that it holds this very box.
CREATE TABLE day_key_copy (
    camera_id       INTEGER NOT NULL REFERENCES camera (id),
    day             INTEGER NOT NULL,
    recipient       TEXT NOT NULL,
    box             BLOB NOT NULL,
    key_check       BLOB NOT NULL, -- of the key inside
    made_us         INTEGER NOT NULL,
    acknowledged_us INTEGER,
    PRIMARY KEY (camera_id, day, recipient)
) STRICT, WITHOUT ROWID;
CREATE INDEX day_key_copy_waiting ON day_key_copy (made_us) WHERE acknowledged_us IS NULL;

-- What became of keys, until the hub has heard it. The local copy of a forgotten key is '' in day_key.wrapped.
CREATE TABLE key_note (
    camera_id INTEGER NOT NULL REFERENCES camera (id),
    day       INTEGER NOT NULL,
    what      TEXT NOT NULL CHECK (what IN ('forgotten', 'destroyed')),
    at_us     INTEGER NOT NULL,
    PRIMARY KEY (camera_id, day, what)
) STRICT, WITHOUT ROWID;

-- Merkle roots of camera-days. `day`: of the footage's own time. A later version follows late footage or a deletion.
CREATE TABLE day_root (
    camera_id       INTEGER NOT NULL REFERENCES camera (id),
    day             INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    leaves          INTEGER NOT NULL,
    deleted         INTEGER NOT NULL, -- leaves whose footage is gone
    root            BLOB NOT NULL,
    made_us         INTEGER NOT NULL,
    acknowledged_us INTEGER,
    PRIMARY KEY (camera_id, day, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX day_root_waiting ON day_root (made_us) WHERE acknowledged_us IS NULL;

-- What is left of a deleted segment: enough for its leaf, so that the roots stay provable.
CREATE TABLE segment_gone (
    id        INTEGER PRIMARY KEY, -- that of the segment
    stream_id INTEGER NOT NULL REFERENCES stream (id),
    start_us  INTEGER NOT NULL,
    dur_us    INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    sha256    BLOB NOT NULL
) STRICT;
CREATE INDEX segment_gone_by_time ON segment_gone (stream_id, start_us);

-- Camera-days whose newest root does not tell the state of things.
CREATE TABLE day_changed (
    camera_id INTEGER NOT NULL REFERENCES camera (id),
    day       INTEGER NOT NULL,
    PRIMARY KEY (camera_id, day)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER segment_came AFTER INSERT ON segment BEGIN
    INSERT INTO day_changed (camera_id, day)
    SELECT camera_id, NEW.start_us / 86400000000 FROM stream WHERE id = NEW.stream_id
    ON CONFLICT DO NOTHING;
    DELETE FROM segment_gone WHERE id = NEW.id; -- it came back, out of quarantine
END;

CREATE TRIGGER segment_went BEFORE DELETE ON segment BEGIN
    INSERT INTO segment_gone (id, stream_id, start_us, dur_us, bytes, sha256)
    VALUES (OLD.id, OLD.stream_id, OLD.start_us, OLD.dur_us, OLD.bytes, OLD.sha256)
    ON CONFLICT DO NOTHING;
    INSERT INTO day_changed (camera_id, day)
    SELECT camera_id, OLD.start_us / 86400000000 FROM stream WHERE id = OLD.stream_id
    ON CONFLICT DO NOTHING;
END;

INSERT INTO day_changed (camera_id, day)
SELECT DISTINCT s.camera_id, g.start_us / 86400000000 FROM segment g JOIN stream s ON s.id = g.stream_id;
