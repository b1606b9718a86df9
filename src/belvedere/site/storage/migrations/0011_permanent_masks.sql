-- Parts of a camera's picture that nobody is ever shown. The hub keeps who drew them and why; here is what binds.
CREATE TABLE permanent_masks (
    camera   TEXT PRIMARY KEY,
    version  INTEGER NOT NULL,
    polygons BLOB NOT NULL -- MessagePack of link.masked.Polygons
) STRICT, WITHOUT ROWID;
