-- The newest configuration that the hub ordered, as it was signed. One row.
CREATE TABLE configuration (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL,
    words BLOB NOT NULL,
    signature BLOB NOT NULL,
    taken_us INTEGER NOT NULL
);
