CREATE EXTENSION IF NOT EXISTS vector;

-- Embedding models that have vectors here; a number stands for the name in every row and is never
-- used for another one. What has `gone` = 1 is no longer read, and deleted piece by piece.
CREATE TABLE vector_models (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    dimensions BIGINT NOT NULL,
    gone BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX vector_models_name ON vector_models (name) WHERE gone = 0;

-- `embedding` is of length one; NULL where the model does not take the chunk. A large scope gets an
-- index of its own for each model, see `store::vectors`.
CREATE TABLE vectors (
    model_id BIGINT NOT NULL,
    chunk_id BIGINT NOT NULL,
    scope TEXT NOT NULL,
    embedding vector,
    PRIMARY KEY (model_id, chunk_id)
);
CREATE INDEX vectors_scope ON vectors (model_id, scope);
