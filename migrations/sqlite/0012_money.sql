-- Statements of earnings that were imported from files. The file itself goes when its rows are in.
CREATE TABLE statements (
    id TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL,
    -- Who brought it.
    person_id TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    -- Who made it: DistroKid, Bandcamp; empty = not known.
    source TEXT NOT NULL DEFAULT '',
    profile TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL DEFAULT '',
    header_hash TEXT NOT NULL DEFAULT '',
    -- reading, asking (somebody has to say what is where), ready, removed
    state TEXT NOT NULL,
    path TEXT NOT NULL DEFAULT '',
    -- What is asked, while it is asked; JSON.
    question TEXT NOT NULL DEFAULT '',
    row_count BIGINT NOT NULL DEFAULT 0,
    known_rows BIGINT NOT NULL DEFAULT 0,
    bad_rows BIGINT NOT NULL DEFAULT 0,
    -- The first bad ones; JSON.
    wrongs TEXT NOT NULL DEFAULT '[]',
    -- Months as 202608.
    first_month BIGINT NOT NULL DEFAULT 0,
    last_month BIGINT NOT NULL DEFAULT 0,
    reported TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    imported_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX statements_artist ON statements (artist_id, created_at);
CREATE INDEX statements_person ON statements (person_id);

-- What was earned, added up by everything that is asked for. An amount is millionths of its currency, and what is left of
-- them in millionths of millionths.
CREATE TABLE statement_lines (
    statement_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    artist_id TEXT NOT NULL,
    month BIGINT NOT NULL,
    store TEXT NOT NULL DEFAULT '',
    territory TEXT NOT NULL DEFAULT '',
    title TEXT NOT NULL DEFAULT '',
    isrc TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL DEFAULT 'other',
    currency TEXT NOT NULL,
    quantity BIGINT NOT NULL DEFAULT 0,
    millionths BIGINT NOT NULL,
    rest BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (statement_id, ordinal)
);
CREATE INDEX statement_lines_month ON statement_lines (artist_id, month);

-- A mark of eight bytes for every row that counted, so that none counts twice; Base64 of many at once.
CREATE TABLE statement_marks (
    statement_id TEXT NOT NULL,
    part BIGINT NOT NULL,
    marks TEXT NOT NULL,
    PRIMARY KEY (statement_id, part)
);

-- How people said that tables with these headers are to be read; JSON.
CREATE TABLE statement_mappings (
    artist_id TEXT NOT NULL,
    header_hash TEXT NOT NULL,
    mapping TEXT NOT NULL,
    set_by TEXT NOT NULL DEFAULT '',
    set_at BIGINT NOT NULL,
    PRIMARY KEY (artist_id, header_hash)
);

-- Thresholds that an artist's earnings went over, each once.
CREATE TABLE earnings_marks (
    artist_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    minor BIGINT NOT NULL,
    reached_at BIGINT NOT NULL,
    PRIMARY KEY (artist_id, currency, minor)
);
