-- Grants that the hub ended before their time; rows go once the grant would be over anyway.
CREATE TABLE ended_grant (
    id         TEXT PRIMARY KEY,
    expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
