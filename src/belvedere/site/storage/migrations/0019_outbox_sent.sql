-- readers: 0017
-- When records became safe at the hub: all of the lane below `below` were by the end of that hour (UTC, counted from 1970).
-- They stay for days from then, not from when they were made: a record may have waited longer than that for its line.
CREATE TABLE outbox_sent (
    lane  INTEGER NOT NULL REFERENCES outbox_lane (lane),
    hour  INTEGER NOT NULL,
    below INTEGER NOT NULL,
    PRIMARY KEY (lane, hour)
) STRICT, WITHOUT ROWID;
INSERT INTO outbox_sent SELECT lane, unixepoch() / 3600, sent_seq FROM outbox_lane;
