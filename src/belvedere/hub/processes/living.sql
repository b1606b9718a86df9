-- Processes that were heard of within the last :length_us.
SELECT id, address FROM hub_process
WHERE heard_us > (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint - :length_us
