-- A disk that was taken out for good. Its row stays, since other tables name it; its path is free for another disk.
ALTER TABLE disk ADD COLUMN gone_us INTEGER;
ALTER TABLE disk ADD COLUMN gone_why TEXT NOT NULL DEFAULT '';
