-- Whether voice notes of this person are answered with a voice, too.
ALTER TABLE persons ADD COLUMN spoken_to BIGINT NOT NULL DEFAULT 0;
