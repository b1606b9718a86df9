-- Sound. A stream may be of the kind `audio`, and every switching of it on or off is kept, with who and why.
-- SQLite can't change a CHECK: the table is made anew with the same rows. References to it hold again at the end.
PRAGMA defer_foreign_keys = ON;
CREATE TEMP TABLE stream_before AS SELECT * FROM stream;
DROP TABLE stream;
-- Invariant: `bytes_kept` and `segments_kept` are sums over the stream's segment rows, kept in the same transactions.
CREATE TABLE stream (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    camera_id     INTEGER NOT NULL REFERENCES camera (id),
    kind          TEXT NOT NULL CHECK (kind IN ('main', 'sub', 'audio')),
    bytes_kept    INTEGER NOT NULL DEFAULT 0,
    segments_kept INTEGER NOT NULL DEFAULT 0,
    UNIQUE (camera_id, kind)
) STRICT;
INSERT INTO stream (id, camera_id, kind, bytes_kept, segments_kept)
SELECT id, camera_id, kind, bytes_kept, segments_kept FROM stream_before;
DROP TABLE stream_before;

-- The newest row of a camera rules; without one its sound is off. Rows are never changed or deleted.
CREATE TABLE camera_sound (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    camera_id INTEGER NOT NULL REFERENCES camera (id),
    set_us    INTEGER NOT NULL,
    is_on     INTEGER NOT NULL CHECK (is_on IN (0, 1)),
    because   TEXT NOT NULL CHECK (NOT is_on OR length(because) >= 20),
    set_by    TEXT NOT NULL
) STRICT;
CREATE INDEX camera_sound_newest ON camera_sound (camera_id, id);

-- A camera that is removed and added again begins without sound.
CREATE TRIGGER camera_sound_ends AFTER UPDATE OF removed ON camera WHEN new.removed AND NOT old.removed
BEGIN
    INSERT INTO camera_sound (camera_id, set_us, is_on, because, set_by)
    SELECT new.id, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER), 0, 'The camera was removed.', ''
    WHERE (SELECT is_on FROM camera_sound WHERE camera_id = new.id ORDER BY id DESC LIMIT 1);
END;
