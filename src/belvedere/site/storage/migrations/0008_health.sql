-- Health kept for 13 months: one row a stream and day, changes of state, faults, planned outages.

-- `hours`: MessagePack, site/health/hours.py. A day of a stream is under a kilobyte.
CREATE TABLE health_day (
    stream_id INTEGER NOT NULL REFERENCES stream (id),
    day       INTEGER NOT NULL, -- days since 1970-01-01 UTC
    hours     BLOB NOT NULL,
    PRIMARY KEY (stream_id, day)
) STRICT, WITHOUT ROWID;

-- A stream went over to `state`, as site/health/states.py saw it; at most so many an hour as it says.
CREATE TABLE health_state (
    stream_id INTEGER NOT NULL REFERENCES stream (id),
    at_us     INTEGER NOT NULL,
    state     TEXT NOT NULL, -- as in link.messages.StreamStatus
    message   TEXT NOT NULL,
    PRIMARY KEY (stream_id, at_us)
) STRICT, WITHOUT ROWID;

-- Up to where hours have been settled, so that a start goes on from there.
CREATE TABLE health_mark (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    settled_us INTEGER NOT NULL
) STRICT;

-- Invariant: at most one open fault of a kind for a subject. `times`: how often it came back while it was open.
CREATE TABLE fault (
    id         TEXT PRIMARY KEY,
    subject    TEXT NOT NULL, -- camera:SLUG, disk:NAME or site
    kind       TEXT NOT NULL,
    detail     TEXT NOT NULL,
    first_us   INTEGER NOT NULL,
    last_us    INTEGER NOT NULL,
    times      INTEGER NOT NULL,
    closed_us  INTEGER,       -- NULL while open
    closed_why TEXT NOT NULL DEFAULT '', -- healthy, gone, or by_hand
    changed_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX fault_open ON fault (subject, kind) WHERE closed_us IS NULL;
CREATE INDEX fault_by_change ON fault (changed_us);

-- Work that was planned, so that its loss is shown apart. `camera` is '' for the whole site.
CREATE TABLE outage (
    id          TEXT PRIMARY KEY,
    camera      TEXT NOT NULL,
    start_us    INTEGER NOT NULL,
    end_us      INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    declared_by TEXT NOT NULL,
    declared_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX outage_by_end ON outage (end_us);

-- What a camera's view usually looks like: coarse figures that show no person, to notice that it was moved or covered.
CREATE TABLE view_reference (
    camera_id INTEGER PRIMARY KEY REFERENCES camera (id),
    figures   BLOB NOT NULL, -- MessagePack, site/health/views.py
    made_us   INTEGER NOT NULL
) STRICT;
