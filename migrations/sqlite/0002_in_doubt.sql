-- 1: given up without knowing whether it stands there; it is looked for before it is ever sent again.
ALTER TABLE outbound ADD COLUMN in_doubt BIGINT NOT NULL DEFAULT 0;
-- Until now only the words of the error told.
UPDATE outbound SET in_doubt = 1 WHERE state = 'failed' AND error LIKE 'no answer%';
