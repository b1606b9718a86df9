-- Named statements of seeing. A name stands on a line of its own: "-- name: NAME".

-- name: model
SELECT id FROM seen_model WHERE name = :name;

-- name: put_model
INSERT INTO seen_model (name) VALUES (:name) ON CONFLICT (name) DO NOTHING;

-- name: models
SELECT id, name FROM seen_model;

-- name: segments
-- Segments of a stream that touch [from_us, to_us), in order. What an import in progress has brought is not footage yet.
SELECT g.id, g.start_us, g.dur_us, g.flags & 1 FROM segment g JOIN run r ON r.id = g.run_id
WHERE g.stream_id = :stream_id AND g.start_us > :from_us - 900000000 AND g.start_us < :to_us
  AND g.start_us + g.dur_us > :from_us AND NOT (r.imported AND r.end_reason = '')
ORDER BY g.start_us, g.id;

-- name: put_seen
INSERT INTO seen (stream_id, start_us, segment_id, model_id, detail, looked, sightings)
SELECT g.stream_id, g.start_us, g.id, :model_id, :detail, :looked, :sightings FROM segment g WHERE g.id = :segment_id
ON CONFLICT (stream_id, start_us, segment_id) DO UPDATE
SET model_id = :model_id, detail = :detail, looked = :looked, sightings = :sightings;

-- name: seen_of
SELECT n.looked, n.sightings, n.model_id, n.detail FROM segment g
JOIN seen n ON n.stream_id = g.stream_id AND n.start_us = g.start_us AND n.segment_id = g.id WHERE g.id = :segment_id;

-- name: put_event
-- Only while the segment of its clearest moment is there.
INSERT INTO seen_event (id, camera_id, stream_id, segment_id, kind, shade, upper, lower, start_us, end_us, best_us, confidence,
    box_left, box_top, box_right, box_bottom, sightings, heading, detail, model_id, path)
SELECT :id, s.camera_id, s.id, g.id, :kind, :shade, :upper, :lower, :start_us, :end_us, :best_us, :confidence,
    :box_left, :box_top, :box_right, :box_bottom, :sightings, :heading, :detail, :model_id, :path
FROM segment g JOIN stream s ON s.id = g.stream_id WHERE g.id = :segment_id
ON CONFLICT (id) DO UPDATE SET segment_id = :segment_id, kind = :kind, shade = :shade, upper = :upper, lower = :lower,
    start_us = :start_us, end_us = :end_us, best_us = :best_us, confidence = :confidence, box_left = :box_left,
    box_top = :box_top, box_right = :box_right, box_bottom = :box_bottom, sightings = :sightings, heading = :heading,
    path = :path;

-- name: drop_event
DELETE FROM seen_event WHERE id = :id;

-- name: lane
SELECT state FROM seen_lane WHERE stream_id = :stream_id;

-- name: put_lane
INSERT INTO seen_lane (stream_id, state) VALUES (:stream_id, :state) ON CONFLICT (stream_id) DO UPDATE SET state = :state;

-- name: covered
-- Segments of a stream that touch [from_us, to_us): what was compared and what was looked at, a byte a second each.
SELECT g.start_us, g.dur_us, a.gate, n.looked FROM segment g JOIN run r ON r.id = g.run_id
LEFT JOIN activity a ON a.stream_id = g.stream_id AND a.start_us = g.start_us AND a.segment_id = g.id
LEFT JOIN seen n ON n.stream_id = g.stream_id AND n.start_us = g.start_us AND n.segment_id = g.id
WHERE g.stream_id = :stream_id AND g.start_us > :from_us - 900000000 AND g.start_us < :to_us
  AND g.start_us + g.dur_us > :from_us AND NOT (r.imported AND r.end_reason = '')
ORDER BY g.start_us;

-- name: newest_seen
SELECT max((SELECT max(start_us) FROM seen n WHERE n.stream_id = s.id)) FROM stream s JOIN camera c ON c.id = s.camera_id
WHERE c.slug = :camera;

-- name: cameras
SELECT slug, id FROM camera;

-- name: streams
SELECT c.slug, s.kind, s.id FROM stream s JOIN camera c ON c.id = s.camera_id WHERE s.kind IN ('main', 'sub');

-- name: gone_events
-- Events of a segment that an older look found; a new look replaces them. The range is the trigger's.
DELETE FROM seen_event WHERE segment_id = :segment_id AND detail <= :detail
  AND camera_id = (SELECT s.camera_id FROM segment g JOIN stream s ON s.id = g.stream_id WHERE g.id = :segment_id)
  AND best_us BETWEEN (SELECT start_us - 900000000 FROM segment WHERE id = :segment_id)
                  AND (SELECT start_us + 1800000000 FROM segment WHERE id = :segment_id);

-- name: put_job
-- Asking again changes nothing but the grant, which may have been given anew.
INSERT INTO seen_job (job, camera_id, from_us, to_us, detail, fps, state, done_us, found, message, asked_us, grant)
SELECT :job, id, :from_us, :to_us, :detail, :fps, 'waiting', :from_us, 0, '', :asked_us, :grant FROM camera WHERE slug = :camera
ON CONFLICT DO UPDATE SET grant = :grant, state = CASE WHEN state IN ('failed', 'ended') THEN 'waiting' ELSE state END;

-- name: next_job
SELECT j.job, c.slug, j.camera_id, j.from_us, j.to_us, j.detail, j.fps, j.done_us, j.found, j.grant FROM seen_job j
JOIN camera c ON c.id = j.camera_id WHERE j.state IN ('running', 'waiting')
ORDER BY j.asked_us, j.job, j.camera_id, j.from_us LIMIT 1;

-- name: grow_job
UPDATE seen_job SET done_us = :done_us, found = :found, state = CASE WHEN state IN ('waiting', 'running') THEN :state ELSE state END,
    message = :message
WHERE job = :job AND camera_id = :camera_id AND from_us = :from_us AND to_us = :to_us AND detail = :detail;

-- name: set_jobs
UPDATE seen_job SET state = :state WHERE job = :job AND state IN ('waiting', 'running', 'paused');

-- name: go_on_jobs
UPDATE seen_job SET state = 'waiting' WHERE job = :job AND state = 'paused';

-- name: job
SELECT c.slug, j.from_us, j.to_us, j.detail, j.state, j.done_us, j.found, j.message FROM seen_job j JOIN camera c ON c.id = j.camera_id
WHERE j.job = :job ORDER BY c.slug, j.from_us;

-- name: old_jobs
DELETE FROM seen_job WHERE asked_us < :before_us AND state IN ('done', 'failed', 'ended');
