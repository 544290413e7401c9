-- What models cost, and may still cost: one row for each of those who pay and each day, which is the moment
-- it begins in UTC. `scope` is 'installation', an artist or a person. Money is in nano-dollars; `held` is set aside for
-- calls that are under way.
CREATE TABLE budgets (
    scope TEXT NOT NULL,
    day BIGINT NOT NULL,
    spent_nano_usd BIGINT NOT NULL DEFAULT 0,
    spent_tokens BIGINT NOT NULL DEFAULT 0,
    held_nano_usd BIGINT NOT NULL DEFAULT 0,
    held_tokens BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, day)
);
CREATE INDEX budgets_day ON budgets (day);

-- What is set aside for one call, by whom. The installation is always among those who pay.
CREATE TABLE budget_holds (
    id TEXT PRIMARY KEY,
    process_id TEXT NOT NULL,
    artist_id TEXT NOT NULL DEFAULT '',
    person_id TEXT NOT NULL DEFAULT '',
    day BIGINT NOT NULL,
    nano_usd BIGINT NOT NULL,
    tokens BIGINT NOT NULL
);
CREATE INDEX budget_holds_person ON budget_holds (person_id) WHERE person_id <> '';

-- Whom a call was for, and whether they paid it with a key of their own.
ALTER TABLE model_calls ADD COLUMN person_id TEXT NOT NULL DEFAULT '';
ALTER TABLE model_calls ADD COLUMN artist_id TEXT NOT NULL DEFAULT '';
ALTER TABLE model_calls ADD COLUMN own BIGINT NOT NULL DEFAULT 0;
ALTER TABLE model_calls ADD COLUMN cache_read BIGINT NOT NULL DEFAULT 0;
CREATE INDEX model_calls_created ON model_calls (created_at);
CREATE INDEX model_calls_person ON model_calls (person_id, created_at) WHERE person_id <> '';
CREATE INDEX model_calls_artist ON model_calls (artist_id, created_at) WHERE artist_id <> '';
