-- Retention: how long footage stays, what is held back, what is on its way out, and what is gone.

-- Cameras of one class keep their footage for the same number of days.
CREATE TABLE retention_class (
    name      TEXT PRIMARY KEY,
    days      INTEGER NOT NULL CHECK (days BETWEEN 1 AND 3660),
    reference TEXT NOT NULL -- the written decision, where `days` exceeds the ceiling
) STRICT, WITHOUT ROWID;

-- A camera that is not named here has the setting `retention_days`. By slug: the hub may know it before the site does.
CREATE TABLE camera_class (
    camera TEXT PRIMARY KEY,
    class  TEXT NOT NULL REFERENCES retention_class (name)
) STRICT, WITHOUT ROWID;

-- Footage [from_us, to_us) of some cameras that stays however old it is. Invariant: ended_us, once set, stays.
CREATE TABLE hold (
    id         TEXT PRIMARY KEY,
    owner      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    reference  TEXT NOT NULL,
    from_us    INTEGER NOT NULL,
    to_us      INTEGER NOT NULL CHECK (to_us > from_us),
    placed_us  INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    ended_us   INTEGER,
    ended_why  TEXT NOT NULL DEFAULT '' -- 'expired', or the words of the person who ended it
) STRICT, WITHOUT ROWID;

CREATE TABLE hold_camera (
    hold_id TEXT NOT NULL REFERENCES hold (id),
    camera  TEXT NOT NULL,
    PRIMARY KEY (camera, hold_id)
) STRICT, WITHOUT ROWID;

-- What the hub last ordered. Invariant: `revision` only rises.
CREATE TABLE retention_order (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    revision   INTEGER NOT NULL,
    applied_us INTEGER NOT NULL
) STRICT;

-- Decisions of people that were carried out: each once.
CREATE TABLE retention_decision (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    words      TEXT NOT NULL, -- JSON
    applied_us INTEGER NOT NULL,
    outcome    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Bytes that came in by disk, camera and day, tallied when the day is over: what later nights are forecast from.
CREATE TABLE recorded_day (
    disk_id  INTEGER NOT NULL REFERENCES disk (id),
    day      INTEGER NOT NULL, -- days since 1970-01-01 UTC, by the time of writing
    camera   TEXT NOT NULL,
    segments INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    PRIMARY KEY (day, disk_id, camera)
) STRICT, WITHOUT ROWID;

-- One row a night (UTC). `served_us`: how long what was marked that night has been in quarantine while the site ran, by a
-- clock that nobody can set. `state`: marking, stopped (a person is asked), refused (a person said no), marked, destroyed.
CREATE TABLE retention_night (
    night          INTEGER PRIMARY KEY,
    state          TEXT NOT NULL,
    planned_bytes  INTEGER NOT NULL,
    planned_segments INTEGER NOT NULL,
    forecast_bytes INTEGER NOT NULL,
    approved_bytes INTEGER NOT NULL DEFAULT 0, -- up to here a person agreed
    marked_bytes   INTEGER NOT NULL DEFAULT 0,
    marked_segments INTEGER NOT NULL DEFAULT 0,
    held_segments  INTEGER NOT NULL DEFAULT 0,
    decided        TEXT NOT NULL, -- the rule, or who agreed and why
    begun_us       INTEGER NOT NULL,
    served_us      INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Segments in quarantine: not footage any more, not yet destroyed. Columns as in `segment`; the others rebuild its run.
CREATE TABLE quarantine (
    id              INTEGER PRIMARY KEY,
    stream_id       INTEGER NOT NULL REFERENCES stream (id),
    run_id          INTEGER NOT NULL,
    config_id       INTEGER NOT NULL REFERENCES stream_config (id),
    disk_id         INTEGER NOT NULL REFERENCES disk (id),
    boot_id         INTEGER NOT NULL REFERENCES boot (id),
    seq             INTEGER NOT NULL,
    ordinal         INTEGER NOT NULL,
    day             INTEGER NOT NULL,
    start_us        INTEGER NOT NULL,
    dur_us          INTEGER NOT NULL,
    media_start_90k INTEGER NOT NULL,
    media_dur_90k   INTEGER NOT NULL,
    rate_ppm        INTEGER NOT NULL,
    kept_from_us    INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    plain_bytes     INTEGER NOT NULL,
    sha256          BLOB NOT NULL,
    flags           INTEGER NOT NULL,
    lost_packets    INTEGER NOT NULL,
    path            TEXT NOT NULL,
    fragments       BLOB NOT NULL,
    night           INTEGER NOT NULL REFERENCES retention_night (night),
    marked_us       INTEGER NOT NULL,
    imported        INTEGER NOT NULL,
    provenance      TEXT NOT NULL
) STRICT;
CREATE INDEX segment_by_day ON segment (stream_id, day);
CREATE INDEX quarantine_by_day ON quarantine (stream_id, day);
CREATE INDEX quarantine_by_night ON quarantine (night);
CREATE INDEX quarantine_by_age ON quarantine (disk_id, kept_from_us);
CREATE INDEX quarantine_by_stream ON quarantine (stream_id, start_us);

-- Keys of held segments, wrapped as camera-day keys are: the rest of the camera-day can then be destroyed with its key.
-- `segment.day` of such a segment is minus its id.
CREATE TABLE held_key (
    segment_id INTEGER PRIMARY KEY,
    wrapped    BLOB NOT NULL,
    created_us INTEGER NOT NULL
) STRICT;

-- Where footage of a held segment was copied from: the part of a segment that a hold covers, under a key of its own.
CREATE TABLE held_copy (
    segment_id    INTEGER PRIMARY KEY, -- the copy
    source_id     INTEGER NOT NULL,
    source_sha256 BLOB NOT NULL,
    source_start  INTEGER NOT NULL, -- plaintext bytes [start, end) of the source
    source_end    INTEGER NOT NULL,
    copied_us     INTEGER NOT NULL
) STRICT;
CREATE INDEX held_copy_of ON held_copy (source_id);

-- Segments whose file is gone or going, until a line of `destruction` tells of them.
CREATE TABLE destroyed_segment (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    camera_id    INTEGER NOT NULL,
    camera       TEXT NOT NULL,
    stream       TEXT NOT NULL,
    day          INTEGER NOT NULL, -- whose key sealed it; below zero: a key of its own
    disk_id      INTEGER NOT NULL,
    path         TEXT NOT NULL,
    start_us     INTEGER NOT NULL,
    dur_us       INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    sha256       BLOB NOT NULL,
    why          TEXT NOT NULL, -- age, space, held_space
    decided      TEXT NOT NULL,
    marked_us    INTEGER NOT NULL, -- 0: it was not in quarantine
    destroyed_us INTEGER NOT NULL
) STRICT;

-- What was destroyed: one line for a camera, stream, day and reason. The hub signs certificates of them.
CREATE TABLE destruction (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    camera        TEXT NOT NULL,
    stream        TEXT NOT NULL,
    day           INTEGER NOT NULL,
    from_us       INTEGER NOT NULL,
    to_us         INTEGER NOT NULL,
    segments      INTEGER NOT NULL,
    bytes         INTEGER NOT NULL,
    root          BLOB NOT NULL, -- RFC 6962 over the segments' SHA-256, by time
    why           TEXT NOT NULL,
    decided       TEXT NOT NULL,
    marked_us     INTEGER NOT NULL,
    destroyed_us  INTEGER NOT NULL,
    key_destroyed INTEGER NOT NULL -- 1: the key that sealed it no longer exists
) STRICT;
