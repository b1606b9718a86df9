-- name: put_device
INSERT INTO device (camera_id, connection)
SELECT id, :connection FROM camera WHERE slug = :camera AND NOT removed
ON CONFLICT (camera_id) DO UPDATE SET connection = excluded.connection

-- name: remove_device
DELETE FROM device WHERE camera_id IN (SELECT id FROM camera WHERE slug = :camera)

-- name: devices
SELECT camera.slug, device.connection, device.manufacturer, device.model, device.firmware, device.serial
FROM device JOIN camera ON camera.id = device.camera_id
WHERE NOT camera.removed AND camera.enabled
ORDER BY camera.slug

-- name: tell_facts
UPDATE device SET manufacturer = :manufacturer, model = :model, firmware = :firmware, serial = :serial, seen_us = :seen_us
WHERE camera_id IN (SELECT id FROM camera WHERE slug = :camera)

-- name: add_event
INSERT INTO device_event (camera_id, kind, source, active, camera_us, arrival_us)
SELECT id, :kind, :source, :active, :camera_us, :arrival_us FROM camera WHERE slug = :camera

-- name: add_clock
INSERT OR IGNORE INTO clock_error (stream_id, seen_us, error_us)
SELECT stream.id, :seen_us, :error_us FROM stream JOIN camera ON camera.id = stream.camera_id
WHERE camera.slug = :camera AND stream.kind = 'main'

-- name: add_uncertainty
INSERT OR IGNORE INTO clock_uncertainty (stream_id, seen_us, uncertainty_us)
SELECT stream.id, :seen_us, :uncertainty_us FROM stream JOIN camera ON camera.id = stream.camera_id
WHERE camera.slug = :camera AND stream.kind = 'main'

-- name: events
SELECT camera.slug, device_event.kind, source, active, camera_us, arrival_us
FROM device_event JOIN camera ON camera.id = device_event.camera_id
WHERE camera.slug = :camera AND arrival_us >= :from_us AND arrival_us < :to_us
  AND device_event.kind IN (SELECT value FROM json_each(:kinds))
ORDER BY arrival_us, device_event.id LIMIT 1000

-- name: newest_events
SELECT camera.slug, device_event.kind, source, active, camera_us, arrival_us
FROM device_event JOIN camera ON camera.id = device_event.camera_id
WHERE camera.slug = :camera AND arrival_us >= :from_us AND arrival_us < :to_us
  AND device_event.kind IN (SELECT value FROM json_each(:kinds))
ORDER BY arrival_us DESC, device_event.id DESC LIMIT 1000

-- name: forget_events
DELETE FROM device_event WHERE arrival_us < :before_us

-- name: forget_uncertainty
DELETE FROM clock_uncertainty WHERE seen_us < :before_us
