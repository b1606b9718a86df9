-- Version 2: measured clock errors of cameras.
CREATE TABLE clock_error (
    stream_id INTEGER NOT NULL REFERENCES stream (id),
    seen_us   INTEGER NOT NULL,
    error_us  INTEGER NOT NULL, -- camera minus site
    PRIMARY KEY (stream_id, seen_us)
) STRICT, WITHOUT ROWID;
