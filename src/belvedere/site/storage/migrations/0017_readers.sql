-- How old the software may be that works with this index after a migration that it does not know: the number of the newest
-- migration that it knows itself. Written from a migration's first line, such as `-- readers: 0017`; without a row, none may.
CREATE TABLE migration_reader (
    name TEXT PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
