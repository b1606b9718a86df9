-- ONVIF devices of cameras: how to reach them (sealed), what they are, what they report.

-- `connection`: address and credentials under AES-256-GCM, as in `camera`. The facts are what the device last told.
CREATE TABLE device (
    camera_id    INTEGER PRIMARY KEY REFERENCES camera (id),
    connection   BLOB NOT NULL,
    manufacturer TEXT NOT NULL DEFAULT '',
    model        TEXT NOT NULL DEFAULT '',
    firmware     TEXT NOT NULL DEFAULT '',
    serial       TEXT NOT NULL DEFAULT '',
    seen_us      INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A change that a camera reported. `camera_us` is by its own clock, NULL where unreadable; `arrival_us` by the site's.
CREATE TABLE device_event (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    camera_id  INTEGER NOT NULL REFERENCES camera (id),
    kind       TEXT NOT NULL CHECK (kind IN ('motion', 'tamper', 'input')),
    source     TEXT NOT NULL,
    active     INTEGER NOT NULL CHECK (active IN (0, 1)),
    camera_us  INTEGER,
    arrival_us INTEGER NOT NULL
) STRICT;
CREATE INDEX device_event_by_time ON device_event (camera_id, arrival_us);
CREATE INDEX device_event_by_age ON device_event (arrival_us);

-- How far a row of `clock_error` may be off; rows of RTCP sender reports have none here. Same keys, another source.
CREATE TABLE clock_uncertainty (
    stream_id      INTEGER NOT NULL REFERENCES stream (id),
    seen_us        INTEGER NOT NULL,
    uncertainty_us INTEGER NOT NULL,
    PRIMARY KEY (stream_id, seen_us)
) STRICT, WITHOUT ROWID;
