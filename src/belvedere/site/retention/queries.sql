-- Named statements of retention. A name stands on a line of its own: "-- name: NAME". {held}: see statements.py.

-- name: held
SELECT 1 FROM stream hs JOIN camera hk ON hk.id = hs.camera_id
JOIN hold_camera hc ON hc.camera = hk.slug JOIN hold h ON h.id = hc.hold_id
WHERE hs.id = g.stream_id AND h.ended_us IS NULL AND h.from_us < g.start_us + g.dur_us AND h.to_us > g.start_us

-- name: streams
-- Every stream with the days that its camera's class keeps footage.
SELECT s.id, s.camera_id, c.slug, s.kind, coalesce(k.class, ''), coalesce(r.days, :default_days)
FROM stream s JOIN camera c ON c.id = s.camera_id
LEFT JOIN camera_class k ON k.camera = c.slug LEFT JOIN retention_class r ON r.name = k.class ORDER BY s.id

-- name: due
-- Segments of one stream that are old enough. Day's last segment may be opened moments after midnight: it goes with its day.
SELECT g.id, g.stream_id, g.run_id, g.disk_id, g.path, g.bytes, {held}
FROM segment g WHERE g.stream_id = :stream_id AND g.start_us < :cutoff_us + 86400000000 AND NOT g.flags & 1
  AND (g.kept_from_us < :cutoff_us
       OR g.kept_from_us < :cutoff_us + 1200000000 AND g.day >= 0 AND (g.day + 1) * 86400000000 <= :cutoff_us)
ORDER BY g.start_us, g.id

-- name: due_sum
SELECT count(*), coalesce(sum(d.bytes), 0), min(d.start_us), max(d.start_us + d.dur_us), coalesce(sum(d.held), 0),
       coalesce(sum(d.bytes * d.held), 0), coalesce(sum(d.bytes * (NOT d.held) * d.let_go), 0)
FROM (SELECT g.bytes, g.start_us, g.dur_us, {held} AS held, EXISTS (
          SELECT 1 FROM hold_camera hc JOIN hold h ON h.id = hc.hold_id
          WHERE hc.camera = :camera AND h.ended_us IS NOT NULL AND h.ended_why <> 'expired'
            AND h.from_us < g.start_us + g.dur_us AND h.to_us > g.start_us AND g.kept_from_us < :cutoff_us - 86400000000
      ) AS let_go
      FROM segment g WHERE g.stream_id = :stream_id AND g.start_us < :cutoff_us + 86400000000 AND NOT g.flags & 1
        AND (g.kept_from_us < :cutoff_us
             OR g.kept_from_us < :cutoff_us + 1200000000 AND g.day >= 0 AND (g.day + 1) * 86400000000 <= :cutoff_us)) d

-- name: mark
-- Into quarantine, unless a hold came meanwhile (`carved`: what the hold covers has been copied out).
INSERT INTO quarantine (id, stream_id, run_id, config_id, disk_id, boot_id, seq, ordinal, day, start_us, dur_us, media_start_90k,
                        media_dur_90k, rate_ppm, kept_from_us, bytes, plain_bytes, sha256, flags, lost_packets, path, fragments,
                        night, marked_us, imported, provenance)
SELECT g.id, g.stream_id, g.run_id, g.config_id, g.disk_id, g.boot_id, g.seq, g.ordinal, g.day, g.start_us, g.dur_us,
       g.media_start_90k, g.media_dur_90k, g.rate_ppm, g.kept_from_us, g.bytes, g.plain_bytes, g.sha256, g.flags,
       g.lost_packets, g.path, g.fragments, :night, :now_us, r.imported, r.provenance
FROM segment g JOIN run r ON r.id = g.run_id
WHERE g.id = :id AND NOT g.flags & 1 AND (:carved OR NOT {held})

-- name: restore
INSERT INTO segment (id, stream_id, run_id, config_id, disk_id, boot_id, seq, ordinal, day, start_us, dur_us, media_start_90k,
                     media_dur_90k, rate_ppm, kept_from_us, bytes, plain_bytes, sha256, flags, lost_packets, path, fragments)
SELECT id, stream_id, run_id, config_id, disk_id, boot_id, seq, ordinal, day, start_us, dur_us, media_start_90k,
       media_dur_90k, rate_ppm, kept_from_us, bytes, plain_bytes, sha256, flags, lost_packets, path, fragments
FROM quarantine WHERE id = :id

-- name: restore_run
INSERT INTO run (id, stream_id, config_id, boot_id, start_us, end_us, end_reason, message, imported, provenance)
SELECT run_id, stream_id, config_id, boot_id, start_us, start_us + dur_us, 'unknown', 'Restored from quarantine.', imported,
       provenance
FROM quarantine WHERE id = :id ON CONFLICT (id) DO NOTHING

-- name: restorable
SELECT g.id, g.stream_id, g.run_id, g.disk_id, g.path, g.bytes
FROM quarantine g JOIN stream s ON s.id = g.stream_id JOIN camera c ON c.id = s.camera_id
JOIN hold_camera hc ON hc.camera = c.slug JOIN hold h ON h.id = hc.hold_id
WHERE h.id = :hold AND g.start_us < h.to_us AND g.start_us + g.dur_us > h.from_us ORDER BY g.start_us

-- name: served
-- What a night marked, on one disk, with what a later hold needs to know.
SELECT g.id, g.stream_id, g.run_id, g.disk_id, g.path, g.bytes, {held}
FROM quarantine g WHERE g.night = :night AND g.disk_id = :disk_id AND g.id > :after ORDER BY g.id LIMIT :count

-- name: oldest_quarantined
SELECT g.id, g.stream_id, g.run_id, g.disk_id, g.path, g.bytes FROM quarantine g
WHERE g.disk_id = :disk_id AND (NOT {held} OR EXISTS (SELECT 1 FROM held_copy x WHERE x.source_id = g.id))
ORDER BY g.kept_from_us, g.id LIMIT :count

-- name: oldest_free
SELECT g.id, g.stream_id, g.run_id, g.disk_id, g.path, g.bytes, g.kept_from_us FROM segment g
WHERE g.disk_id = :disk_id AND NOT g.flags & 1 AND (g.kept_from_us, g.id) > (:kept_from_us, :id) AND NOT {held}
ORDER BY g.kept_from_us, g.id LIMIT :count

-- name: oldest_kept_back
SELECT g.id, g.stream_id, g.run_id, g.disk_id, g.path, g.bytes FROM quarantine g
WHERE g.disk_id = :disk_id ORDER BY g.kept_from_us, g.id LIMIT :count

-- name: segment_row
SELECT g.id, g.stream_id, s.camera_id, c.slug, s.kind, g.run_id, f.config_id, g.disk_id, g.ordinal, g.day, g.start_us,
       g.media_start_90k, g.rate_ppm, g.kept_from_us, g.plain_bytes, g.flags, g.path, g.fragments, g.sha256, g.bytes
FROM segment g JOIN stream s ON s.id = g.stream_id JOIN camera c ON c.id = s.camera_id JOIN stream_config f ON f.id = g.config_id
WHERE g.id = :id

-- name: quarantine_shape
SELECT c.slug, g.start_us, g.media_start_90k, g.rate_ppm, g.fragments
FROM quarantine g JOIN stream s ON s.id = g.stream_id JOIN camera c ON c.id = s.camera_id WHERE g.id = :id

-- name: next_segment
SELECT id, start_us, media_start_90k, rate_ppm, fragments FROM segment WHERE run_id = :run_id AND ordinal = :ordinal + 1

-- name: live_holds
SELECT h.from_us, h.to_us FROM hold_camera c JOIN hold h ON h.id = c.hold_id
WHERE c.camera = :camera AND h.ended_us IS NULL ORDER BY h.from_us

-- name: new_run_like
-- A run of its own for a part of a run.
INSERT INTO run (id, stream_id, config_id, boot_id, start_us, end_us, end_reason, message, imported, provenance)
SELECT next_id('run'), stream_id, config_id, boot_id, :start_us, :end_us, 'unknown',
       'Only the part that a hold covers was kept.', imported, provenance
FROM run WHERE id = :run_id

-- name: tally
INSERT INTO recorded_day (disk_id, day, camera, segments, bytes)
SELECT g.disk_id, :day, c.slug, count(*), sum(g.bytes)
FROM segment g JOIN stream s ON s.id = g.stream_id JOIN camera c ON c.id = s.camera_id
WHERE g.kept_from_us >= :from_us AND g.kept_from_us < :to_us GROUP BY g.disk_id, c.slug
ON CONFLICT DO NOTHING

-- name: told_lines
-- Destroyed segments whose file is gone, by the line that will tell of them.
SELECT d.camera_id, d.camera, d.stream, d.start_us / 86400000000, d.why, d.decided, max(d.destroyed_us)
FROM destroyed_segment d
WHERE NOT EXISTS (SELECT 1 FROM garbage b WHERE b.disk_id = d.disk_id AND b.path = d.path)
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 2, 3, 4

-- name: told_segments
SELECT d.seq, d.day, d.start_us, d.dur_us, d.bytes, d.sha256, d.marked_us, d.destroyed_us
FROM destroyed_segment d
WHERE d.camera_id = :camera_id AND d.stream = :stream AND d.start_us / 86400000000 = :day AND d.why = :why
  AND d.decided = :decided
  AND NOT EXISTS (SELECT 1 FROM garbage b WHERE b.disk_id = d.disk_id AND b.path = d.path)
ORDER BY d.start_us, d.seq

-- name: key_kept
SELECT EXISTS (SELECT 1 FROM day_key WHERE camera_id = :camera_id AND day = :day)

-- name: hold_sizes
SELECT h.id, count(g.id), coalesce(sum(g.bytes), 0)
FROM hold h JOIN hold_camera hc ON hc.hold_id = h.id JOIN camera c ON c.slug = hc.camera JOIN stream s ON s.camera_id = c.id
JOIN segment g ON g.stream_id = s.id AND g.start_us > h.from_us - 900000000 AND g.start_us < h.to_us
              AND g.start_us + g.dur_us > h.from_us
WHERE h.ended_us IS NULL GROUP BY h.id

-- name: hold_quarantined
SELECT h.id, count(g.id)
FROM hold h JOIN hold_camera hc ON hc.hold_id = h.id JOIN camera c ON c.slug = hc.camera JOIN stream s ON s.camera_id = c.id
JOIN quarantine g ON g.stream_id = s.id AND g.start_us < h.to_us AND g.start_us + g.dur_us > h.from_us
WHERE h.ended_us IS NULL AND NOT EXISTS (SELECT 1 FROM held_copy x WHERE x.source_id = g.id) GROUP BY h.id

-- name: unused_held_copies
-- Sealed copies of keys of held segments that are gone: (camera, minus the segment's id).
SELECT DISTINCT k.camera_id, k.day FROM day_key_copy k
WHERE k.day < 0 AND NOT EXISTS (SELECT 1 FROM held_key h WHERE h.segment_id = -k.day)

-- name: quarantine_to_check
-- As `segments_to_check`, with the segment's id, how long its night has been in quarantine, and whether a newer hold covers it.
SELECT g.disk_id, g.path, g.bytes, g.plain_bytes, g.sha256, g.fragments, s.camera_id, c.slug, s.kind, g.day,
       g.id, n.served_us, {held} AND NOT EXISTS (SELECT 1 FROM held_copy x WHERE x.source_id = g.id)
FROM quarantine g JOIN stream s ON s.id = g.stream_id JOIN camera c ON c.id = s.camera_id
JOIN retention_night n ON n.night = g.night ORDER BY g.id

-- name: disks
-- Every disk with what is on it, what waits in quarantine included.
WITH there AS (
    SELECT g.disk_id, g.bytes, g.start_us, g.dur_us, {held} AS held FROM segment g
    UNION ALL
    SELECT g.disk_id, g.bytes, g.start_us, g.dur_us, {held} FROM quarantine g
)
SELECT d.id, d.uuid, d.path, d.created_us, d.gone_us, d.gone_why, count(t.bytes), coalesce(sum(t.bytes), 0),
       coalesce(min(t.start_us), 0), coalesce(max(t.start_us + t.dur_us), 0), coalesce(sum(t.held), 0)
FROM disk d LEFT JOIN there t ON t.disk_id = d.id GROUP BY d.id ORDER BY d.id
