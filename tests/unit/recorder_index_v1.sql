-- The site index, version 1. Times: microseconds UTC (_us) or 90 kHz ticks since the start of a run (_90k).
-- Order on create: data, sync, directory sync, row. Order on delete: garbage row, unlink, directory sync, drop row.

CREATE TABLE site (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    uuid       TEXT NOT NULL,
    created_us INTEGER NOT NULL
) STRICT;

-- One row a start of the recorder. Files are named by it, never by wall time.
CREATE TABLE boot (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    started_us INTEGER NOT NULL,
    version    TEXT NOT NULL
) STRICT;

-- `uuid` also lies in the folder's `meta` file: a folder without it is not the disk, whatever its path.
CREATE TABLE disk (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid       TEXT NOT NULL UNIQUE,
    path       TEXT NOT NULL UNIQUE,
    created_us INTEGER NOT NULL
) STRICT;

-- `connection`: addresses and credentials under AES-256-GCM, key in a file outside this database; NULL once removed.
CREATE TABLE camera (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    slug       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    connection BLOB,
    enabled    INTEGER NOT NULL,
    removed    INTEGER NOT NULL DEFAULT 0,
    created_us INTEGER NOT NULL
) STRICT;

-- Invariant: `bytes_kept` and `segments_kept` are sums over the stream's segment rows, kept in the same transactions.
CREATE TABLE stream (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    camera_id     INTEGER NOT NULL REFERENCES camera (id),
    kind          TEXT NOT NULL CHECK (kind IN ('main', 'sub')),
    bytes_kept    INTEGER NOT NULL DEFAULT 0,
    segments_kept INTEGER NOT NULL DEFAULT 0,
    UNIQUE (camera_id, kind)
) STRICT;

CREATE TABLE stream_config (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    stream_id      INTEGER NOT NULL REFERENCES stream (id),
    config_id      TEXT NOT NULL,
    codec          TEXT NOT NULL,
    codec_string   TEXT NOT NULL,
    width          INTEGER NOT NULL,
    height         INTEGER NOT NULL,
    parameter_sets BLOB NOT NULL, -- MessagePack, a list of byte strings
    init           BLOB NOT NULL,
    UNIQUE (stream_id, config_id)
) STRICT;

-- An unbroken stretch of one stream. Invariant: its segments have consecutive `ordinal`s and touch in media and wall time.
-- `end_reason` is '' while the run grows. `end_us` is durable: no later than the end of its last segment row.
CREATE TABLE run (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    stream_id    INTEGER NOT NULL REFERENCES stream (id),
    config_id    INTEGER NOT NULL REFERENCES stream_config (id),
    boot_id      INTEGER NOT NULL REFERENCES boot (id),
    start_us     INTEGER NOT NULL,
    end_us       INTEGER NOT NULL,
    end_reason   TEXT NOT NULL DEFAULT '',
    message      TEXT NOT NULL DEFAULT '',
    imported     INTEGER NOT NULL DEFAULT 0,
    provenance   TEXT NOT NULL DEFAULT '',
    lost_packets INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX run_by_time ON run (stream_id, start_us);
CREATE INDEX run_growing ON run (stream_id) WHERE end_reason = '';

-- `bytes` of the file are durable and have this `sha256`. `flags`: 1 open, 2 suspect (a sync failed), 4 recovered.
-- Wall time of media time t: start_us + (t - media_start_90k) * (1 + rate_ppm / 1e6).
-- Invariant: dur_us is bounded, so that "which segments touch a span" is one range of start_us.
CREATE TABLE segment (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    stream_id       INTEGER NOT NULL REFERENCES stream (id),
    run_id          INTEGER NOT NULL REFERENCES run (id),
    config_id       INTEGER NOT NULL REFERENCES stream_config (id),
    disk_id         INTEGER NOT NULL REFERENCES disk (id),
    boot_id         INTEGER NOT NULL REFERENCES boot (id),
    seq             INTEGER NOT NULL,
    ordinal         INTEGER NOT NULL,
    day             INTEGER NOT NULL, -- days since 1970-01-01 UTC: which camera-day key
    start_us        INTEGER NOT NULL,
    dur_us          INTEGER NOT NULL CHECK (dur_us BETWEEN 0 AND 900000000),
    media_start_90k INTEGER NOT NULL,
    media_dur_90k   INTEGER NOT NULL,
    rate_ppm        INTEGER NOT NULL CHECK (rate_ppm BETWEEN -500 AND 500),
    kept_from_us    INTEGER NOT NULL, -- when it was written here: retention counts from this
    bytes           INTEGER NOT NULL,
    plain_bytes     INTEGER NOT NULL,
    sha256          BLOB NOT NULL,
    flags           INTEGER NOT NULL,
    lost_packets    INTEGER NOT NULL,
    path            TEXT NOT NULL, -- inside the disk's folder: camera/stream-boot-sequence.blvs
    fragments       BLOB NOT NULL, -- one record a fragment, storage/fragments.py
    UNIQUE (boot_id, seq)
) STRICT;
CREATE INDEX segment_by_time ON segment (stream_id, start_us);
CREATE INDEX segment_by_run ON segment (run_id, ordinal);
CREATE INDEX segment_by_age ON segment (kept_from_us);
CREATE INDEX segment_open ON segment (id) WHERE flags & 1;

-- The key of one camera and UTC day, wrapped with AES-KW (RFC 3394). Deleting the row is what makes its footage unreadable.
CREATE TABLE day_key (
    camera_id  INTEGER NOT NULL REFERENCES camera (id),
    day        INTEGER NOT NULL,
    wrapped    BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (camera_id, day)
) STRICT, WITHOUT ROWID;

-- Files that no row stands for any more and that may still be there.
CREATE TABLE garbage (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    disk_id INTEGER NOT NULL REFERENCES disk (id),
    path    TEXT NOT NULL
) STRICT;
