-- name: put_sound
-- A decision is added where the newest one here says otherwise; rows are never changed.
INSERT INTO camera_sound (camera_id, set_us, is_on, because, set_by)
SELECT c.id, :set_us, :on, :because, :set_by FROM camera c WHERE c.slug = :camera AND NOT c.removed AND NOT EXISTS (
    SELECT 1 FROM camera_sound s WHERE s.id = (SELECT max(id) FROM camera_sound WHERE camera_id = c.id)
    AND (s.set_us, s.is_on, s.because, s.set_by) = (:set_us, :on, :because, :set_by))

-- name: put_make
INSERT INTO camera_make (camera_id, make, model, firmware, told_by, told_us)
SELECT id, :make, :model, :firmware, :told_by, :told_us FROM camera WHERE slug = :camera AND NOT removed
ON CONFLICT (camera_id) DO UPDATE SET make = excluded.make, model = excluded.model, firmware = excluded.firmware,
    told_by = excluded.told_by, told_us = excluded.told_us

-- name: put_device
INSERT INTO device (camera_id, connection) SELECT id, :connection FROM camera WHERE slug = :camera AND NOT removed
ON CONFLICT (camera_id) DO UPDATE SET connection = excluded.connection

-- name: put_line
INSERT INTO configuration (id, version, words, signature, taken_us) VALUES (1, :version, :words, :signature, 0)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, words = excluded.words, signature = excluded.signature
WHERE excluded.version > configuration.version

-- name: sound
SELECT c.slug, s.is_on, s.because, s.set_by, s.set_us FROM camera_sound s JOIN camera c ON c.id = s.camera_id
WHERE s.id = (SELECT max(id) FROM camera_sound WHERE camera_id = c.id) AND NOT c.removed ORDER BY c.slug

-- name: makes
SELECT c.slug, m.make, m.model, m.firmware, m.told_by, m.told_us FROM camera_make m JOIN camera c ON c.id = m.camera_id
WHERE NOT c.removed ORDER BY c.slug

-- name: devices
SELECT c.slug, d.connection FROM device d JOIN camera c ON c.id = d.camera_id WHERE NOT c.removed ORDER BY c.slug
