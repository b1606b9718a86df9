-- Break-glass cards of this site, as the hub signed them, and the site's own log of what was opened with them.
CREATE TABLE site_card (
    id             TEXT PRIMARY KEY,
    public_key     BLOB NOT NULL,
    sealed_private BLOB NOT NULL, -- for the card's two halves in turn
    sealed_grant   BLOB NOT NULL, -- for public_key
    made_us        INTEGER NOT NULL,
    expires_us     INTEGER NOT NULL,
    used_us        INTEGER -- Invariant: set once, with the entry of the log, before any key is opened
) STRICT, WITHOUT ROWID;
CREATE TABLE site_card_list (one INTEGER PRIMARY KEY CHECK (one = 1), issued_us INTEGER NOT NULL) STRICT;

-- Invariant: numbers from 0 without a hole; nothing is ever changed or dropped. A row is durable before a key is opened.
CREATE TABLE card_entry (
    number     INTEGER PRIMARY KEY,
    time_us    INTEGER NOT NULL,
    salt       BLOB NOT NULL,
    record     BLOB NOT NULL,
    checkpoint BLOB NOT NULL -- signed by the box: the tree over this and all entries before
) STRICT;
CREATE TRIGGER card_entry_stays BEFORE UPDATE ON card_entry BEGIN SELECT RAISE(ABORT, 'the log of cards is never changed'); END;
CREATE TRIGGER card_entry_kept BEFORE DELETE ON card_entry BEGIN SELECT RAISE(ABORT, 'the log of cards is never dropped'); END;

CREATE TRIGGER outbox_card_entry AFTER INSERT ON card_entry WHEN (SELECT enabled FROM outbox_state) BEGIN
    INSERT INTO outbox (lane, seq, kind, time_us, body)
    SELECT 0, next_seq, 'site_card', NEW.time_us, json_object(
        'number', NEW.number, 'time_us', NEW.time_us, 'salt', lower(hex(NEW.salt)), 'record', CAST(NEW.record AS TEXT),
        'checkpoint', CAST(NEW.checkpoint AS TEXT))
    FROM outbox_lane WHERE lane = 0;
    UPDATE outbox_lane SET next_seq = next_seq + 1 WHERE lane = 0;
END;
