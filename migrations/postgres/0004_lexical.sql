CREATE EXTENSION IF NOT EXISTS vector;

-- The terms of each chunk with their counts, packed; as keys (a scope and a term in one, so that searching one
-- scope never walks another's); and as the weights that give its score.
CREATE TABLE chunk_terms (
    chunk_id BIGINT PRIMARY KEY,
    scope TEXT NOT NULL,
    length BIGINT NOT NULL,
    terms BYTEA NOT NULL,
    keys INTEGER[] NOT NULL,
    weights sparsevec(999999999) NOT NULL
);
CREATE INDEX chunk_terms_keys ON chunk_terms USING gin (keys);

-- How many chunks of the knowledge of the trade hold a term; what others store is not counted.
CREATE TABLE terms (
    term BIGINT PRIMARY KEY,
    chunks BIGINT NOT NULL
);

-- How many chunks a scope has.
CREATE TABLE term_scopes (
    scope TEXT PRIMARY KEY,
    chunks BIGINT NOT NULL
);
