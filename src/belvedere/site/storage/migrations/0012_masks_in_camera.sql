-- What became of a camera's permanent masks in the camera itself. `tokens`: its names of those it made, as JSON.
CREATE TABLE masks_in_camera (
    camera  TEXT PRIMARY KEY,
    version INTEGER NOT NULL, -- of permanent_masks, that was tried
    held    INTEGER NOT NULL,
    why     TEXT NOT NULL,
    tokens  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
