-- Takes or renews a lease; one row with its number when it is ours, none when another process has it.
INSERT INTO hub_lease (name, holder, number, until_us)
VALUES (:name, :holder, 1, (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint + :length_us)
ON CONFLICT (name) DO UPDATE SET
    holder = excluded.holder,
    number = hub_lease.number + CASE WHEN hub_lease.holder = excluded.holder THEN 0 ELSE 1 END,
    until_us = excluded.until_us
WHERE hub_lease.holder = excluded.holder
   OR hub_lease.until_us < (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint
RETURNING number
