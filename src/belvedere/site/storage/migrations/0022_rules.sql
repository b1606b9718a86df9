-- readers: 0017
-- Live rules as the hub sent them last, MessagePack of link.rules.LiveRule; one row.
CREATE TABLE live_rules (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    rules   BLOB NOT NULL
) STRICT;
INSERT INTO live_rules VALUES (1, 0, x'90');

-- How often a version of a rule minded something in a day (days since 1970, UTC): raised, only counted, within a cool-down.
CREATE TABLE rule_count (
    rule    TEXT NOT NULL,
    version INTEGER NOT NULL,
    day     INTEGER NOT NULL,
    raised  INTEGER NOT NULL,
    shadow  INTEGER NOT NULL,
    muted   INTEGER NOT NULL,
    PRIMARY KEY (rule, version, day)
) STRICT, WITHOUT ROWID;

-- What rules raised. Numbers are never used again. What only counts in shadow time leaves no row.
CREATE TABLE rule_alarm (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    time_us INTEGER NOT NULL,
    body    TEXT NOT NULL -- JSON of link.rules.Alarm, its number left at 0
) STRICT;
CREATE INDEX rule_alarm_time ON rule_alarm (time_us);

CREATE TRIGGER outbox_rule_alarm AFTER INSERT ON rule_alarm WHEN (SELECT enabled FROM outbox_state) BEGIN
    INSERT INTO outbox (lane, seq, kind, time_us, body)
    SELECT 0, next_seq, 'rule_alarm', NEW.time_us, json_set(NEW.body, '$.number', NEW.number)
    FROM outbox_lane WHERE lane = 0;
    UPDATE outbox_lane SET next_seq = next_seq + 1 WHERE lane = 0;
END;
