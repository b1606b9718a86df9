-- readers: 0017
-- One row: which count of destructions this is. A box that was replaced counts from 1 again, under another name, so that the hub
-- does not wait for the new count to pass the old one.
CREATE TABLE destruction_series (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  TEXT NOT NULL -- 16 hexadecimal digits
) STRICT;
INSERT INTO destruction_series VALUES (1, lower(hex(randomblob(8))));
