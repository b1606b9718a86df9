-- Named statements of activity. A name stands on a line of its own: "-- name: NAME".

-- name: series
-- Rows of one stream that touch [from_us, to_us). What an import in progress has brought is not footage yet.
SELECT a.segment_id, a.start_us, a.source, a.sizes, a.gate FROM activity a
WHERE a.stream_id = :stream_id AND a.start_us > :from_us - 900000000 AND a.start_us < :to_us
ORDER BY a.start_us, a.segment_id;

-- name: unfinished_imports
SELECT g.id FROM run r JOIN segment g ON g.run_id = r.id WHERE r.stream_id = :stream_id AND r.end_reason = '' AND r.imported;

-- name: put_gate
UPDATE activity SET gate = :gate WHERE stream_id = :stream_id AND start_us = :start_us AND segment_id = :segment_id;

-- name: not_counted
-- The next segments behind a place in the index that have no activity. The walk itself reads no segment row.
SELECT g.stream_id, g.start_us, g.id, a.segment_id IS NOT NULL FROM segment g
LEFT JOIN activity a ON a.stream_id = g.stream_id AND a.start_us = g.start_us AND a.segment_id = g.id
WHERE (g.stream_id, g.start_us, g.id) > (:stream_id, :start_us, :id)
ORDER BY g.stream_id, g.start_us, g.id LIMIT :count;

-- name: to_count
SELECT g.media_start_90k, g.fragments FROM segment g JOIN stream s ON s.id = g.stream_id
WHERE g.id = :id AND NOT g.flags & 1 AND s.kind IN ('main', 'sub');

-- name: put_counted
-- Only while the segment is there: it may be deleted while it is being counted.
INSERT INTO activity (stream_id, start_us, segment_id, source, sizes)
SELECT g.stream_id, g.start_us, g.id, 2, :sizes FROM segment g WHERE g.id = :id AND NOT g.flags & 1
ON CONFLICT DO NOTHING;

-- name: streams_of
SELECT s.kind, s.id FROM stream s JOIN camera c ON c.id = s.camera_id WHERE c.slug = :camera AND s.kind IN ('main', 'sub');

-- name: put_rate
INSERT INTO rate_control (stream_id, kind, confidence, seconds, seen_us) VALUES (:stream_id, :kind, :confidence, :seconds, :seen_us)
ON CONFLICT (stream_id) DO UPDATE SET kind = :kind, confidence = :confidence, seconds = :seconds, seen_us = :seen_us;

-- name: rates
SELECT c.slug, s.kind, r.kind, r.confidence, r.seconds, r.seen_us
FROM rate_control r JOIN stream s ON s.id = r.stream_id JOIN camera c ON c.id = s.camera_id;

-- name: rates_due
-- Streams whose rate control was never looked at, not for a day, or not yet made out.
SELECT s.id FROM stream s LEFT JOIN rate_control r ON r.stream_id = s.id
WHERE s.kind IN ('main', 'sub') AND (r.seen_us IS NULL OR r.seen_us < :day_ago_us OR (r.kind = 'unclear' AND r.seen_us < :hour_ago_us))
  AND EXISTS (SELECT 1 FROM activity a WHERE a.stream_id = s.id);

-- name: last_activity
SELECT max(start_us) FROM activity WHERE stream_id = :stream_id;

-- name: zones
SELECT z.polygons FROM activity_zone z JOIN camera c ON c.id = z.camera_id WHERE c.slug = :camera;

-- name: put_zones
INSERT INTO activity_zone (camera_id, polygons) SELECT id, :polygons FROM camera WHERE slug = :camera AND NOT removed
ON CONFLICT (camera_id) DO UPDATE SET polygons = :polygons;

-- name: parameter_sets
SELECT f.codec, f.parameter_sets FROM stream_config f JOIN stream s ON s.id = f.stream_id
JOIN camera c ON c.id = s.camera_id WHERE c.slug = :camera AND s.kind = :kind AND f.config_id = :config_id;
