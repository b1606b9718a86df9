-- Named statements of health. A name stands on a line of its own: "-- name: NAME".

-- name: runs
-- Runs of a stream that touch [from_us, to_us) and the one before them, in order of start. Imports are not uptime.
SELECT start_us, end_us, end_reason FROM run
WHERE stream_id = :stream_id AND NOT imported AND start_us < :to_us AND end_us > :from_us
UNION ALL
SELECT * FROM (SELECT start_us, end_us, end_reason FROM run
    WHERE stream_id = :stream_id AND NOT imported AND start_us < :from_us AND end_us <= :from_us
    ORDER BY start_us DESC LIMIT 1)
ORDER BY start_us;

-- name: first_run
SELECT min(start_us) FROM run WHERE stream_id = :stream_id AND NOT imported;

-- name: days
SELECT day, hours FROM health_day WHERE stream_id = :stream_id AND day >= :from_day AND day <= :to_day ORDER BY day;

-- name: put_day
INSERT INTO health_day (stream_id, day, hours) VALUES (:stream_id, :day, :hours)
ON CONFLICT (stream_id, day) DO UPDATE SET hours = :hours;

-- name: put_mark
INSERT INTO health_mark (id, settled_us) VALUES (1, :settled_us) ON CONFLICT (id) DO UPDATE SET settled_us = :settled_us;

-- name: states
-- Changes in [from_us, to_us) and the one before them.
SELECT at_us, state, message FROM health_state WHERE stream_id = :stream_id AND at_us >= :from_us AND at_us < :to_us
UNION ALL
SELECT * FROM (SELECT at_us, state, message FROM health_state WHERE stream_id = :stream_id AND at_us < :from_us
    ORDER BY at_us DESC LIMIT 1)
ORDER BY at_us;

-- name: switches
-- As `states`, but only those that tell whether the stream was wanted.
SELECT at_us, state IN ('off', 'imported') FROM health_state WHERE stream_id = :stream_id AND at_us < :to_us ORDER BY at_us;

-- name: put_state
INSERT INTO health_state (stream_id, at_us, state, message) VALUES (:stream_id, :at_us, :state, :message)
ON CONFLICT (stream_id, at_us) DO UPDATE SET state = :state, message = :message;

-- name: last_states
SELECT stream_id, state, message, max(at_us) FROM health_state GROUP BY stream_id;

-- name: clock_points
-- Means of a quarter of an hour.
SELECT min(seen_us), avg(error_us) FROM clock_error WHERE stream_id = :stream_id AND seen_us >= :from_us
GROUP BY seen_us / 900000000 ORDER BY 1;

-- name: put_fault
INSERT INTO fault (id, subject, kind, detail, first_us, last_us, times, closed_us, closed_why, changed_us)
VALUES (:id, :subject, :kind, :detail, :first_us, :last_us, :times, :closed_us, :closed_why, :changed_us)
ON CONFLICT (id) DO UPDATE SET detail = :detail, last_us = :last_us, times = :times, closed_us = :closed_us,
    closed_why = :closed_why, changed_us = :changed_us;

-- name: faults
SELECT id, subject, kind, detail, first_us, last_us, times, closed_us, closed_why, changed_us FROM fault
WHERE closed_us IS NULL OR changed_us >= :changed_us ORDER BY changed_us LIMIT :most;

-- name: outages
SELECT id, camera, start_us, end_us, reason, declared_by, declared_us FROM outage
WHERE end_us > :from_us ORDER BY start_us, id;

-- name: put_outage
INSERT INTO outage (id, camera, start_us, end_us, reason, declared_by, declared_us)
VALUES (:id, :camera, :start_us, :end_us, :reason, :declared_by, :declared_us);

-- name: put_reference
INSERT INTO view_reference (camera_id, figures, made_us) VALUES (:camera_id, :figures, :made_us)
ON CONFLICT (camera_id) DO UPDATE SET figures = :figures, made_us = :made_us;

-- name: oldest_kept
SELECT kept_from_us FROM segment WHERE disk_id = :disk_id ORDER BY kept_from_us LIMIT 1;
