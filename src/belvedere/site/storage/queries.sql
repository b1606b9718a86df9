-- Named statements of the site index. A name stands on a line of its own: "-- name: NAME".

-- name: put_camera
INSERT INTO camera (slug, name, connection, enabled, created_us) VALUES (:slug, :name, :connection, :enabled, :now_us)
ON CONFLICT (slug) DO UPDATE SET name = :name, connection = :connection, enabled = :enabled, removed = 0;

-- name: cameras
SELECT c.id, c.slug, c.name, c.connection, c.enabled FROM camera c WHERE NOT c.removed ORDER BY c.slug;

-- name: streams
SELECT s.id, s.camera_id, c.slug, s.kind FROM stream s JOIN camera c ON c.id = s.camera_id ORDER BY s.id;

-- name: kept
SELECT c.slug, s.kind, s.bytes_kept, s.segments_kept,
       (SELECT min(start_us) FROM segment g WHERE g.stream_id = s.id)
FROM stream s JOIN camera c ON c.id = s.camera_id;

-- name: put_config
INSERT INTO stream_config (stream_id, config_id, codec, codec_string, width, height, parameter_sets, init)
VALUES (:stream_id, :config_id, :codec, :codec_string, :width, :height, :parameter_sets, :init)
ON CONFLICT (stream_id, config_id) DO NOTHING;

-- name: new_run
INSERT INTO run (id, stream_id, config_id, boot_id, start_us, end_us, imported, provenance)
VALUES (:id, :stream_id, (SELECT id FROM stream_config WHERE stream_id = :stream_id AND config_id = :config_id),
        :boot_id, :start_us, :start_us, :imported, :provenance);

-- name: anchor_run
-- Only while the run's first segment is being written: later its head may already have been deleted.
UPDATE run SET start_us = :start_us WHERE id = :id;

-- name: grow_run
UPDATE run SET end_us = :end_us, lost_packets = lost_packets + :lost_packets WHERE id = :id;

-- name: end_run
UPDATE run SET end_reason = :end_reason, message = :message WHERE id = :id;

-- name: put_segment
INSERT INTO segment (id, stream_id, run_id, config_id, disk_id, boot_id, seq, ordinal, day, start_us, dur_us, media_start_90k,
                     media_dur_90k, rate_ppm, kept_from_us, bytes, plain_bytes, sha256, flags, lost_packets, path, fragments)
VALUES (:id, :stream_id, :run_id,
        (SELECT id FROM stream_config WHERE stream_id = :stream_id AND config_id = :config_id),
        :disk_id, :boot_id, :seq, :ordinal, :day, :start_us, :dur_us, :media_start_90k, :media_dur_90k, :rate_ppm,
        :kept_from_us, :bytes, :plain_bytes, :sha256, :flags, :lost_packets, :path, :fragments)
ON CONFLICT (id) DO UPDATE SET start_us = :start_us, dur_us = :dur_us, media_dur_90k = :media_dur_90k, bytes = :bytes,
    plain_bytes = :plain_bytes, sha256 = :sha256, flags = :flags, lost_packets = :lost_packets, fragments = :fragments;

-- name: grow_segment
-- The hot one: touches no indexed column.
UPDATE segment SET dur_us = :dur_us, media_dur_90k = :media_dur_90k, bytes = :bytes, plain_bytes = :plain_bytes,
    sha256 = :sha256, lost_packets = :lost_packets, fragments = :fragments WHERE id = :id;

-- name: put_activity
-- When a segment closes, in the transaction that says so.
INSERT INTO activity (stream_id, start_us, segment_id, source, sizes) VALUES (:stream_id, :start_us, :segment_id, 1, :sizes)
ON CONFLICT (stream_id, start_us, segment_id) DO UPDATE SET sizes = :sizes;

-- name: count_stream
UPDATE stream SET bytes_kept = bytes_kept + :bytes, segments_kept = segments_kept + :segments WHERE id = :stream_id;

-- name: timeline
-- Runs of one stream that touch [from_us, to_us). An import in progress is not footage yet.
SELECT r.start_us, r.end_us, r.end_reason, r.imported, r.lost_packets
FROM run r JOIN stream s ON s.id = r.stream_id JOIN camera c ON c.id = s.camera_id
WHERE c.slug = :camera AND s.kind = :stream AND r.start_us < :to_us AND r.end_us > :from_us
  AND NOT (r.imported AND r.end_reason = '')
ORDER BY r.start_us, r.id;

-- name: segments_touching
SELECT g.id, g.run_id, g.ordinal, c.config_id, g.start_us, g.dur_us, g.media_start_90k, g.media_dur_90k, g.rate_ppm,
       g.plain_bytes, g.fragments, r.end_reason, g.flags
FROM segment g JOIN run r ON r.id = g.run_id JOIN stream_config c ON c.id = g.config_id
WHERE g.stream_id = :stream_id AND g.start_us > :from_us - 900000000 AND g.start_us < :to_us
  AND g.start_us + g.dur_us > :from_us AND NOT (r.imported AND r.end_reason = '')
ORDER BY r.start_us, g.run_id, g.ordinal;

-- name: segment_before
SELECT g.id, g.run_id, g.ordinal, c.config_id, g.start_us, g.dur_us, g.media_start_90k, g.media_dur_90k, g.rate_ppm,
       g.plain_bytes, g.fragments, r.end_reason, g.flags
FROM segment g JOIN run r ON r.id = g.run_id JOIN stream_config c ON c.id = g.config_id
WHERE g.run_id = :run_id AND g.ordinal = :ordinal - 1;

-- name: segment_to_read
SELECT g.stream_id, s.camera_id, g.disk_id, g.day, g.path, g.start_us, g.media_start_90k, g.rate_ppm, g.fragments
FROM segment g JOIN stream s ON s.id = g.stream_id JOIN camera c ON c.id = s.camera_id
WHERE g.id = :segment AND c.slug = :camera AND s.kind = :stream;

-- name: config
SELECT f.config_id, f.codec, f.codec_string, f.width, f.height, f.init
FROM stream_config f JOIN stream s ON s.id = f.stream_id JOIN camera c ON c.id = s.camera_id
WHERE c.slug = :camera AND f.config_id = :config_id LIMIT 1;

-- name: overlap
-- A run of the stream that touches [from_us, to_us), the earliest first.
SELECT start_us, end_us, imported FROM run WHERE stream_id = :stream_id AND start_us < :to_us AND end_us > :from_us
ORDER BY start_us LIMIT 1;

-- name: open_segments
SELECT g.id, g.stream_id, s.camera_id, c.slug, s.kind, g.run_id, g.disk_id, g.day, g.path, g.bytes, g.plain_bytes, g.start_us,
       g.media_start_90k, g.media_dur_90k, g.rate_ppm, g.sha256, g.flags, g.lost_packets, g.fragments
FROM segment g JOIN stream s ON s.id = g.stream_id JOIN camera c ON c.id = s.camera_id
WHERE g.flags & 1 ORDER BY g.id;

-- name: recovered_segment
UPDATE segment SET bytes = :bytes, plain_bytes = :plain_bytes, dur_us = :dur_us, media_dur_90k = :media_dur_90k,
    sha256 = :sha256, flags = :flags, lost_packets = :lost_packets, fragments = :fragments WHERE id = :id;

-- name: oldest_closed
SELECT id, stream_id, run_id, disk_id, path, bytes FROM segment
WHERE disk_id = :disk_id AND NOT flags & 1 ORDER BY kept_from_us, id LIMIT :count;

-- name: of_run
SELECT id, stream_id, run_id, disk_id, path, bytes FROM segment WHERE run_id = :run_id ORDER BY ordinal;

-- name: run_extent
SELECT count(*), min(ordinal), max(ordinal), min(start_us), max(start_us + dur_us), coalesce(sum(lost_packets), 0)
FROM segment WHERE run_id = :run_id;

-- name: tell_destroyed
INSERT INTO destroyed_segment
    (camera_id, camera, stream, day, disk_id, path, start_us, dur_us, bytes, sha256, why, decided, marked_us, destroyed_us)
SELECT s.camera_id, c.slug, s.kind, g.day, g.disk_id, g.path, g.start_us, g.dur_us, g.bytes, g.sha256,
       :why, :decided, /*marked*/ 0, :now_us
FROM /*table*/ segment g JOIN stream s ON s.id = g.stream_id JOIN camera c ON c.id = s.camera_id WHERE g.id = :id;

-- name: run_shape
SELECT id, ordinal, start_us, dur_us, lost_packets FROM segment WHERE run_id = :run_id ORDER BY ordinal;

-- name: split_run
INSERT INTO run (id, stream_id, config_id, boot_id, start_us, end_us, end_reason, message, imported, provenance, lost_packets)
SELECT next_id('run'), stream_id, config_id, boot_id, :start_us, :end_us, :end_reason, :message, imported, provenance, :lost_packets
FROM run WHERE id = :run_id;

-- name: unused_day_keys
-- Days whose footage is all gone. Today's and later keys stay: their first segment may just be on its way.
SELECT k.camera_id, k.day FROM day_key k
WHERE k.created_us < :before_us AND NOT EXISTS (
    SELECT 1 FROM segment g JOIN stream s ON s.id = g.stream_id WHERE s.camera_id = k.camera_id AND g.day = k.day)
  AND NOT EXISTS (
    SELECT 1 FROM quarantine q JOIN stream s ON s.id = q.stream_id WHERE s.camera_id = k.camera_id AND q.day = k.day);

-- name: segments_to_check
SELECT g.disk_id, g.path, g.bytes, g.plain_bytes, g.sha256, g.fragments, s.camera_id, c.slug, s.kind, g.day
FROM segment g JOIN stream s ON s.id = g.stream_id JOIN camera c ON c.id = s.camera_id ORDER BY g.id;

-- name: miscounted
SELECT s.id FROM stream s
WHERE s.bytes_kept <> (SELECT coalesce(sum(bytes), 0) FROM segment g WHERE g.stream_id = s.id)
   OR s.segments_kept <> (SELECT count(*) FROM segment g WHERE g.stream_id = s.id);

-- name: misfit_runs
-- A run is exactly as long as its segments, which follow each other without a hole.
SELECT r.id FROM run r
WHERE EXISTS (SELECT 1 FROM segment g WHERE g.run_id = r.id)
  AND (r.start_us <> (SELECT min(start_us) FROM segment g WHERE g.run_id = r.id)
    OR r.end_us <> (SELECT max(start_us + dur_us) FROM segment g WHERE g.run_id = r.id)
    OR (SELECT count(*) FROM segment g WHERE g.run_id = r.id)
       <> (SELECT max(ordinal) - min(ordinal) + 1 FROM segment g WHERE g.run_id = r.id));
