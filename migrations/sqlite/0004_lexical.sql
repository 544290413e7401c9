-- Which chunks hold a term. A token is a scope and a term in one, so that searching one scope never walks
-- another's. Only the index is kept: no text, no counts, no places.
CREATE VIRTUAL TABLE lexical USING fts5(
    tokens, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);

-- The terms of each chunk with their counts, packed, for its score.
CREATE TABLE chunk_terms (
    chunk_id INTEGER PRIMARY KEY,
    scope TEXT NOT NULL,
    length BIGINT NOT NULL,
    terms BLOB NOT NULL
);

-- How many chunks of the knowledge of the trade hold a term; what others store is not counted.
CREATE TABLE terms (
    term INTEGER PRIMARY KEY,
    chunks BIGINT NOT NULL
);

-- How many chunks a scope has.
CREATE TABLE term_scopes (
    scope TEXT PRIMARY KEY,
    chunks BIGINT NOT NULL
);
