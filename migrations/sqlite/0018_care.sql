-- What is looked after when somebody may be in danger. Until when nobody nudges a person or talks to them of money
-- unasked (0 = as ever); when they were told last that Toney is an AI, and since when they have been talking.
ALTER TABLE persons ADD COLUMN care_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE persons ADD COLUMN noticed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE persons ADD COLUMN talking_since BIGINT NOT NULL DEFAULT 0;

-- What was seen in a person's messages. It holds no word of them; `sign` is JSON.
CREATE TABLE signs (
    -- Of what came in: the same message is seen once.
    key TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    sign TEXT NOT NULL,
    seen_at BIGINT NOT NULL
);
CREATE INDEX signs_person ON signs (person_id, seen_at);

-- Humans who were told that somebody may be in danger; one is open for a person at a time.
CREATE TABLE pages (
    id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    artist_id TEXT NOT NULL DEFAULT '',
    -- high, imminent
    level TEXT NOT NULL,
    topic TEXT NOT NULL,
    -- Whether it is about somebody else, whom the person wants to help.
    other BIGINT NOT NULL DEFAULT 0,
    -- How many signs there were.
    signs BIGINT NOT NULL DEFAULT 1,
    -- Where the last one was.
    address TEXT NOT NULL,
    setting TEXT NOT NULL,
    -- The first words of the last one, as few as are needed to judge it.
    excerpt TEXT NOT NULL DEFAULT '',
    -- In which they are told that somebody is there.
    language TEXT NOT NULL DEFAULT '',
    -- open, taken
    state TEXT NOT NULL DEFAULT 'open',
    -- How often more people were told.
    circle BIGINT NOT NULL DEFAULT 0,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    taken_by TEXT NOT NULL DEFAULT '',
    taken_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX pages_person ON pages (person_id, id);

-- Copies of a page, so that all of them say how it stands.
CREATE TABLE page_cards (
    key TEXT PRIMARY KEY,
    page_id TEXT NOT NULL,
    person_id TEXT NOT NULL DEFAULT '',
    outbound_id TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX page_cards_page ON page_cards (page_id);
