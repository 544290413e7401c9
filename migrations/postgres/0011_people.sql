-- For whom somebody works now, and how they want to be treated: their language ('' = the one they write in), their
-- time zone ('' = not known), whether what they say is kept in mind, whether they want to be reminded.
ALTER TABLE persons ADD COLUMN artist_id TEXT NOT NULL DEFAULT '';
ALTER TABLE persons ADD COLUMN speaks TEXT NOT NULL DEFAULT '';
ALTER TABLE persons ADD COLUMN zone TEXT NOT NULL DEFAULT '';
ALTER TABLE persons ADD COLUMN keeps_facts BIGINT NOT NULL DEFAULT 1;
ALTER TABLE persons ADD COLUMN reminders BIGINT NOT NULL DEFAULT 1;

-- A question that Toney has asked and whose answer it waits for: one for each person in a conversation. `state` is
-- JSON and belongs to those who asked.
CREATE TABLE dialogues (
    person_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    repeated BIGINT NOT NULL DEFAULT 0,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, conversation_id)
);
CREATE INDEX dialogues_conversation ON dialogues (conversation_id);

-- Codes by which somebody shows that two accounts are theirs. Only a hash is kept. `link_id` is '' until it is used.
CREATE TABLE link_codes (
    code_hash TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    address TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    link_id TEXT NOT NULL DEFAULT '',
    expires_at BIGINT NOT NULL
);

-- Codes that led nowhere, so that nobody goes on guessing.
CREATE TABLE link_tries (
    id TEXT COLLATE "C" PRIMARY KEY,
    person_id TEXT NOT NULL,
    tried_at BIGINT NOT NULL
);
CREATE INDEX link_tries_person ON link_tries (person_id, tried_at);

-- Two persons who may be one. Both sides have to say yes; `gone_id` is then who is no person any more.
CREATE TABLE links (
    id TEXT COLLATE "C" PRIMARY KEY,
    person_id TEXT NOT NULL,
    other_person_id TEXT NOT NULL,
    address TEXT NOT NULL,
    other_address TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    other_name TEXT NOT NULL DEFAULT '',
    is_sure BIGINT NOT NULL DEFAULT 0,
    other_is_sure BIGINT NOT NULL DEFAULT 0,
    gone_id TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'asked',
    expires_at BIGINT NOT NULL
);

-- What is known of an artist, each with where it came from; `message_id` is the line in which it was said.
CREATE TABLE profiles (
    artist_id TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    source TEXT NOT NULL,
    person_id TEXT NOT NULL DEFAULT '',
    message_id TEXT NOT NULL DEFAULT '',
    set_at BIGINT NOT NULL,
    PRIMARY KEY (artist_id, field)
);

-- What an artist wants to reach ('goal') and what is in the way ('pain'); `state` is 'proposed', 'open', 'done',
-- 'dropped' or 'refused'.
CREATE TABLE goals (
    id TEXT COLLATE "C" PRIMARY KEY,
    artist_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    was_proposed BIGINT NOT NULL DEFAULT 0,
    person_id TEXT NOT NULL DEFAULT '',
    message_id TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX goals_artist ON goals (artist_id, state);

-- What people said of themselves; `state` is 'kept' or 'superseded'. What has a `slot` holds one thing at a time.
CREATE TABLE facts (
    id TEXT COLLATE "C" PRIMARY KEY,
    person_id TEXT NOT NULL,
    slot TEXT NOT NULL DEFAULT '',
    text TEXT NOT NULL,
    same_as TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'kept',
    source TEXT NOT NULL,
    message_id TEXT NOT NULL DEFAULT '',
    place TEXT NOT NULL DEFAULT '',
    said_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX facts_person ON facts (person_id, state);

-- Counted up with every change of what is known about an artist, so that whoever keeps it in RAM knows.
CREATE TABLE contexts (
    artist_id TEXT PRIMARY KEY,
    version BIGINT NOT NULL
);
