-- What a site has to tell its hub. Written by triggers, so that an event and its record are one transaction.

-- One row. `epoch`: random, new with each outbox that begins at 1; '' until the site belongs to a hub.
CREATE TABLE outbox_state (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    epoch   BLOB NOT NULL,
    hub     BLOB NOT NULL -- whose outbox it is: SHA-256 of the hub's authority
) STRICT;
INSERT INTO outbox_state VALUES (1, 0, x'', x'');

-- Lanes: 0 alerts, health, audit; 1 metadata; 2 thumbnails. `next_seq` was never given; all below `sent_seq` are safe at the hub.
CREATE TABLE outbox_lane (
    lane     INTEGER PRIMARY KEY CHECK (lane BETWEEN 0 AND 2),
    next_seq INTEGER NOT NULL,
    sent_seq INTEGER NOT NULL
) STRICT;
INSERT INTO outbox_lane VALUES (0, 1, 1), (1, 1, 1), (2, 1, 1);

-- Invariant: in each lane the numbers follow one another without a hole up to next_seq - 1; only the oldest go.
CREATE TABLE outbox (
    lane    INTEGER NOT NULL REFERENCES outbox_lane (lane),
    seq     INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    body    TEXT NOT NULL, -- JSON
    PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER outbox_fault_added AFTER INSERT ON fault WHEN (SELECT enabled FROM outbox_state) BEGIN
    INSERT INTO outbox (lane, seq, kind, time_us, body)
    SELECT 0, next_seq, 'fault', NEW.changed_us, json_object(
        'id', NEW.id, 'subject', NEW.subject, 'kind', NEW.kind, 'detail', NEW.detail, 'first_us', NEW.first_us, 'last_us', NEW.last_us,
        'times', NEW.times, 'closed_us', NEW.closed_us, 'closed_why', NEW.closed_why, 'changed_us', NEW.changed_us)
    FROM outbox_lane WHERE lane = 0;
    UPDATE outbox_lane SET next_seq = next_seq + 1 WHERE lane = 0;
END;

-- A fault that merely lasts is told again when it opens, closes, counts or reads otherwise.
CREATE TRIGGER outbox_fault_changed AFTER UPDATE ON fault WHEN (SELECT enabled FROM outbox_state)
    AND (OLD.closed_us IS NOT NEW.closed_us OR OLD.times <> NEW.times OR OLD.detail <> NEW.detail OR OLD.closed_why <> NEW.closed_why) BEGIN
    INSERT INTO outbox (lane, seq, kind, time_us, body)
    SELECT 0, next_seq, 'fault', NEW.changed_us, json_object(
        'id', NEW.id, 'subject', NEW.subject, 'kind', NEW.kind, 'detail', NEW.detail, 'first_us', NEW.first_us, 'last_us', NEW.last_us,
        'times', NEW.times, 'closed_us', NEW.closed_us, 'closed_why', NEW.closed_why, 'changed_us', NEW.changed_us)
    FROM outbox_lane WHERE lane = 0;
    UPDATE outbox_lane SET next_seq = next_seq + 1 WHERE lane = 0;
END;

CREATE TRIGGER outbox_device_event AFTER INSERT ON device_event WHEN (SELECT enabled FROM outbox_state) BEGIN
    INSERT INTO outbox (lane, seq, kind, time_us, body)
    SELECT 1, next_seq, 'device_event', NEW.arrival_us, json_object(
        'camera', (SELECT slug FROM camera WHERE id = NEW.camera_id), 'kind', NEW.kind, 'source', NEW.source, 'active', NEW.active,
        'camera_us', NEW.camera_us, 'arrival_us', NEW.arrival_us)
    FROM outbox_lane WHERE lane = 1;
    UPDATE outbox_lane SET next_seq = next_seq + 1 WHERE lane = 1;
END;
