-- Of `spans`: what holds keep, [["gate\"", from_us, to_us], ...]; a record names its camera at the end of a JSON string.

-- name: spans_sqlite
kind = 'site_card' OR EXISTS (
    SELECT 1 FROM json_each(:spans) AS span
    WHERE r.time_us >= json_extract(span.value, '$[1]') AND r.time_us < json_extract(span.value, '$[2]')
      AND instr(r.body, json_extract(span.value, '$[0]')) > 0
)

-- name: spans_postgresql
kind = 'site_card' OR EXISTS (
    SELECT 1 FROM jsonb_array_elements(CAST(:spans AS jsonb)) AS span
    WHERE r.time_us >= CAST(span ->> 1 AS bigint) AND r.time_us < CAST(span ->> 2 AS bigint)
      AND strpos(r.body, span ->> 0) > 0
)

-- name: portion
SELECT seq, received_us FROM site_record
WHERE site_id = :site_id AND epoch = :epoch AND lane = :lane AND seq > :after ORDER BY seq LIMIT :rows

-- name: drop_portion
DELETE FROM site_record AS r
WHERE site_id = :site_id AND epoch = :epoch AND lane = :lane AND seq > :after AND seq <= :last
  AND received_us < :before AND NOT ({kept})

-- name: move_mark
UPDATE site_mark SET dropped_seq = :dropped
WHERE site_id = :site_id AND epoch = :epoch AND lane = :lane AND dropped_seq < :dropped

-- name: count_day
SELECT site_id, epoch, lane, max(seq) AS last, count(*) AS aged, sum(CASE WHEN {kept} THEN 1 ELSE 0 END) AS held
FROM {part} AS r WHERE received_us < :before GROUP BY site_id, epoch, lane

-- name: keep_of_day
INSERT INTO kept_of_day SELECT * FROM {part} AS r WHERE {kept}

-- name: drop_rest
DELETE FROM {part} AS r WHERE received_us < :before AND NOT ({kept})

-- name: lanes_held
SELECT mark.site_id, mark.epoch, mark.lane, mark.dropped_seq, mark.next_seq, (
    SELECT count(*) FROM site_record AS r
    WHERE r.site_id = mark.site_id AND r.epoch = mark.epoch AND r.lane = mark.lane AND r.seq >= mark.dropped_seq
) AS here
FROM site_mark AS mark ORDER BY mark.site_id, mark.epoch, mark.lane
