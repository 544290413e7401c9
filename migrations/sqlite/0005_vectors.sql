-- Embedding models that have vectors here; a number stands for the name in every row and is never
-- used for another one. What has `gone` = 1 is no longer read, and deleted piece by piece.
CREATE TABLE vector_models (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    dimensions BIGINT NOT NULL,
    gone BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX vector_models_name ON vector_models (name) WHERE gone = 0;

-- `vector` is numbers of 32 bits, the low byte first, of length one together; it is empty where the model
-- does not take the chunk. `version` is that of the scope when the row was written.
CREATE TABLE vectors (
    model_id BIGINT NOT NULL,
    chunk_id BIGINT NOT NULL,
    scope TEXT NOT NULL,
    version BIGINT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (model_id, chunk_id)
);
CREATE INDEX vectors_scope ON vectors (model_id, scope, version, chunk_id);

-- Counted up with every change, so that whoever keeps vectors in RAM knows what to read again:
-- `version` when some were added, `removed` when some were taken away.
CREATE TABLE vector_scopes (
    model_id BIGINT NOT NULL,
    scope TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 0,
    removed BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (model_id, scope)
);
