-- What cameras are, the advisory file in force, passwords on trial, and recordings brought in.

CREATE TABLE camera_make (
    camera_id INTEGER PRIMARY KEY REFERENCES camera (id),
    make      TEXT NOT NULL,
    model     TEXT NOT NULL,
    firmware  TEXT NOT NULL,
    told_by   TEXT NOT NULL, -- person, sheet, onvif
    told_us   INTEGER NOT NULL
) STRICT;

-- At most one row: the file as it came, so that its hash can be checked again.
CREATE TABLE advisory_file (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    data      BLOB NOT NULL,
    signed_by TEXT NOT NULL,
    loaded_us INTEGER NOT NULL
) STRICT;

-- The connection details that a camera had before its password was changed, sealed like camera.connection. The row goes
-- when the new ones were seen to work, or were refused and these were put back.
CREATE TABLE camera_before (
    camera_id  INTEGER PRIMARY KEY REFERENCES camera (id),
    connection BLOB NOT NULL,
    since_us   INTEGER NOT NULL
) STRICT;

-- Which camera.key all sealed connection details are under: the first 16 bytes of SHA-256 over a label and the key. A
-- rotation that was cut short is finished or undone by it.
CREATE TABLE camera_key (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    fingerprint BLOB NOT NULL,
    since_us    INTEGER NOT NULL
) STRICT;

-- A recording that was brought in whole, and who vouches for its time. Stays when the footage itself is deleted.
CREATE TABLE imported_file (
    sha256      BLOB NOT NULL,
    camera      TEXT NOT NULL,
    stream      TEXT NOT NULL,
    name        TEXT NOT NULL,
    bytes       INTEGER NOT NULL,
    start_us    INTEGER NOT NULL,
    end_us      INTEGER NOT NULL,
    offset_us   INTEGER NOT NULL, -- added to the recorder's own time
    zone        TEXT NOT NULL,
    said_by     TEXT NOT NULL,
    how         TEXT NOT NULL,
    imported_us INTEGER NOT NULL,
    PRIMARY KEY (sha256, camera, stream)
) STRICT;
CREATE INDEX imported_file_by_name ON imported_file (name);
