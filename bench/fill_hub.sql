-- Rows as a council's hub has them after a year of log and a month of records. :name is replaced by a number.
-- records: 60 sites, in the order in which they came, the last one now
INSERT INTO site_record (site_id, epoch, lane, seq, kind, time_us, received_us, body)
SELECT 'site-' || (i % 60), lpad(to_hex(i % 60), 32, '0'), 1, i / 60 + 1,
       CASE WHEN i % 1000000 = 7 THEN 'site_card' WHEN i % 20 = 0 THEN 'fault' ELSE 'object' END,
       :now - (:records - i) * :step - 40000, :now - (:records - i) * :step,
       '{"camera":"camera-' || (i % 1200) || '","class":"person","box":[0.1,0.2,0.3,0.4],"score":0.87,"track":"' || md5(i::text) || '"}'
FROM generate_series(1::bigint, :records) AS i;
-- the log: a year, 200 people, 24 kinds
INSERT INTO audit_entry ("index", time_us, kind, account_id, salt, body, entry_hash)
SELECT i, :now - (:entries - i) * :entry_step, 'kind.' || (i % 24), 'account_' || (i % 200), decode(md5(i::text), 'hex'),
       '{"index":' || i || ',"facts":{"camera":"camera-' || (i % 1200) || '","grant":"grant_' || (i / 50) || '"}}',
       decode(md5(i::text) || md5('b' || i), 'hex')
FROM generate_series(0::bigint, :entries - 1) AS i;
INSERT INTO audit_about (subject, name, "index")
SELECT 'camera', 'camera-' || (i % 1200), i FROM generate_series(0::bigint, :entries - 1) AS i;
INSERT INTO audit_about (subject, name, "index")
SELECT 'grant', 'grant_' || (i / 50), i FROM generate_series(0::bigint, :entries - 1) AS i;
INSERT INTO audit_about_position (id, next_index) VALUES (1, :entries);
INSERT INTO audit_hour (subject, name, hour_us, entries, refused, first_index, last_index)
SELECT '', '', time_us - time_us % 3600000000, count(*), 0, min("index"), max("index") FROM audit_entry GROUP BY 3;
INSERT INTO audit_hour (subject, name, hour_us, entries, refused, first_index, last_index)
SELECT 'kind', kind, time_us - time_us % 3600000000, count(*), 0, min("index"), max("index") FROM audit_entry GROUP BY 2, 3;
INSERT INTO audit_hour (subject, name, hour_us, entries, refused, first_index, last_index)
SELECT 'person', account_id, time_us - time_us % 3600000000, count(*), 0, min("index"), max("index") FROM audit_entry GROUP BY 2, 3;
-- the register and the people
INSERT INTO site (id, name, created_us) SELECT 'site-' || i, 'Site ' || i, 1 FROM generate_series(0::bigint, 59) AS i;
INSERT INTO camera (id, site_id, name, place, lat, lon, created_us, changed_us)
SELECT 'camera-' || i, 'site-' || (i % 60), 'Camera ' || i, 'Alder Way', 51.5, -0.1, 1, 1 FROM generate_series(0::bigint, 1199) AS i;
INSERT INTO account (id, name, display, role, password_hash, code_hash, code_expires_us, created_us, disabled)
SELECT 'account_' || i, 'person' || i, 'Person ' || i, 'operator', '', '', 0, 1, false FROM generate_series(0::bigint, 199) AS i;
INSERT INTO session (id_hash, account_id, created_us, used_us, expires_us, by_code)
SELECT encode(sha256(('token-' || i)::bytea), 'hex'), 'account_' || (i % 200), :now, :now, :now + 28800000000, false
FROM generate_series(0::bigint, 399) AS i;
INSERT INTO access_grant (id, account_id, purpose, case_ref, issued_us, expires_us, ended_us, wire, audit_index, session_key)
SELECT 'grant_' || i, 'account_' || (i % 200), 'duty', '', :now - (:grants - i) * 60000000, :now - (:grants - i) * 60000000 + 28800000000,
       NULL, decode(repeat('00', 600), 'hex'), i, ''
FROM generate_series(1::bigint, :grants) AS i;
INSERT INTO ticket (id, site_id, subject, subject_id, kind, detail, first_us, last_us, times, closed_us, closed_why, closed_by, reason, owner)
SELECT 'ticket_' || i, 'site-' || (i % 60), 'camera', 'camera-' || (i % 1200), 'kind' || (i % 12), 'No picture.',
       :now - (:tickets - i) * 1000000, :now, 1, CASE WHEN i % 100 = 0 THEN NULL ELSE :now END, '', '', '', ''
FROM generate_series(1::bigint, :tickets) AS i;
INSERT INTO site_mark (site_id, epoch, lane, next_seq, heard_us)
SELECT 'site-' || i, lpad(to_hex(i), 32, '0'), 1, :records / 60 + 2, :now FROM generate_series(0::bigint, 59) AS i;
