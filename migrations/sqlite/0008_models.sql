-- Whether models answer: one row for each model that ever failed, and one, with an empty model, for its provider.
CREATE TABLE provider_health (
    provider TEXT NOT NULL,
    model TEXT NOT NULL DEFAULT '',
    -- Of a model: up, down. Of a provider: well, failing, down, mending.
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    -- Since when it is so; of a provider: since when it failed last, 0 when it never did.
    since BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    saved BIGINT NOT NULL DEFAULT 0,
    -- When the operator was told of the state, 0 when that is still to be done.
    told_at BIGINT NOT NULL DEFAULT 0,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (provider, model)
);

-- The model that somebody chose.
CREATE TABLE model_choices (
    person_id TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    set_at BIGINT NOT NULL
);

-- Keys that people brought, sealed with the installation's key.
CREATE TABLE own_keys (
    person_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    sealed TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, provider)
);
