-- Entries are counted in the order of the log, so that `first_index` is the first and `last_index` the newest so far.
INSERT INTO audit_hour (subject, name, hour_us, entries, refused, first_index, last_index)
VALUES (:subject, :name, :hour_us, :entries, :refused, :first_index, :last_index)
ON CONFLICT (subject, name, hour_us) DO UPDATE SET
    entries = audit_hour.entries + excluded.entries,
    refused = audit_hour.refused + excluded.refused,
    last_index = excluded.last_index
