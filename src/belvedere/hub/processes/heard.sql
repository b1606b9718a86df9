-- Says that a process lives, by the database's clock.
INSERT INTO hub_process (id, address, pid, started_us, heard_us)
VALUES (:id, :address, :pid, (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint,
        (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint)
ON CONFLICT (id) DO UPDATE SET heard_us = excluded.heard_us
