-- Whose papers and plans something is. One installation serves several.
CREATE TABLE artists (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX artists_name ON artists (name);

-- What a person is to an artist: 'artist', 'manager' or 'fan'.
CREATE TABLE memberships (
    person_id TEXT NOT NULL,
    artist_id TEXT NOT NULL,
    standing TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, artist_id)
);
CREATE INDEX memberships_artist ON memberships (artist_id, standing);

-- Codes by which people join. Only a hash is kept, so that a copy of the database lets nobody in.
CREATE TABLE invitations (
    code_hash TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL,
    standing TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_by TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);

-- `artist_id` is '' for knowledge of the trade. `scope` says who reaches it: 'g' everybody, 't' + artist
-- those who work for the artist, 'o' + artist + person that person alone.
CREATE TABLE documents (
    id TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL DEFAULT '',
    owner_id TEXT NOT NULL DEFAULT '',
    scope TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'reading',
    name TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT '',
    mime TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL,
    path TEXT NOT NULL DEFAULT '',
    bytes BIGINT NOT NULL DEFAULT 0,
    pages BIGINT NOT NULL DEFAULT 0,
    chunks BIGINT NOT NULL DEFAULT 0,
    language TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- The same bytes under the same name are the same document, however often they come in.
CREATE UNIQUE INDEX documents_bytes ON documents (artist_id, owner_id, name, sha256)
    WHERE state IN ('reading', 'ready');
CREATE INDEX documents_name ON documents (artist_id, owner_id, name) WHERE state = 'ready';
CREATE INDEX documents_scope ON documents (scope) WHERE state = 'ready';
CREATE INDEX documents_gone ON documents (updated_at) WHERE state = 'gone';

-- An id never comes again: what still knows a deleted piece must not take another one for it.
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    scope TEXT NOT NULL,
    path TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    text TEXT NOT NULL
);
CREATE UNIQUE INDEX chunks_document ON chunks (document_id, ordinal);

-- Who read what, for which answer and why. `passages` is JSON.
CREATE TABLE knowledge_reads (
    id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL DEFAULT '',
    session_id TEXT NOT NULL DEFAULT '',
    turn_id TEXT NOT NULL DEFAULT '',
    query_hash TEXT NOT NULL,
    target TEXT NOT NULL,
    why TEXT NOT NULL,
    scopes TEXT NOT NULL,
    passages TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX knowledge_reads_person ON knowledge_reads (person_id, id);
CREATE INDEX knowledge_reads_turn ON knowledge_reads (turn_id);
