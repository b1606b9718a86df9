-- readers: 0017
-- The hub's order that this site took last, as it was signed (link.document.SiteOrder); the document itself is kept nowhere.
CREATE TABLE site_order (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    version   INTEGER NOT NULL,
    words     BLOB NOT NULL,
    signature BLOB NOT NULL,
    taken_us  INTEGER NOT NULL
) STRICT;
