-- Times are milliseconds since 1970 in UTC; 9223372036854775807 means never; 0 means not yet.
-- Text is compared byte by byte (COLLATE "C"), so that ids sort as they do in SQLite.

-- One row per running program. Its lanes go back to the others when its lease ends.
CREATE TABLE processes (
    id TEXT COLLATE "C" PRIMARY KEY,
    started_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL
);

-- A lane is a line of work done one piece at a time: a conversation, or the sends into one chat.
-- `turns` counts how often it was released, which makes it the version of everything kept about it;
-- `was_idle` is 1 when the last work found nothing before it, so that nobody has to read what waits.
CREATE TABLE lanes (
    lane TEXT COLLATE "C" PRIMARY KEY,
    next_at BIGINT NOT NULL,
    holder TEXT COLLATE "C" NOT NULL DEFAULT '',
    turns BIGINT NOT NULL DEFAULT 0,
    was_idle BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX lanes_free ON lanes (next_at) WHERE holder = '' AND next_at < 9223372036854775807;
CREATE INDEX lanes_held ON lanes (holder) WHERE holder <> '';

CREATE TABLE jobs (
    id TEXT COLLATE "C" PRIMARY KEY,
    kind TEXT NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    ordering BIGINT NOT NULL DEFAULT 0,
    payload TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'due',
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX jobs_key ON jobs (key);
CREATE INDEX jobs_due ON jobs (lane, ordering, id) WHERE state = 'due';
CREATE INDEX jobs_dead ON jobs (ended_at) WHERE state = 'dead';
CREATE INDEX jobs_done ON jobs (ended_at) WHERE state = 'done';

CREATE TABLE outbound (
    id TEXT COLLATE "C" PRIMARY KEY,
    key TEXT COLLATE "C" NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    priority TEXT NOT NULL,
    content TEXT NOT NULL,
    revision BIGINT NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'pending',
    parts TEXT NOT NULL DEFAULT '[]',
    attempts BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT NOT NULL,
    left_at BIGINT NOT NULL DEFAULT 0,
    after_message TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX outbound_key ON outbound (key);
CREATE INDEX outbound_due ON outbound (lane, id) WHERE state IN ('pending', 'unknown');
CREATE INDEX outbound_lane ON outbound (lane, id);
CREATE INDEX outbound_failed ON outbound (ended_at) WHERE state = 'failed';
CREATE INDEX outbound_sent ON outbound (ended_at) WHERE state = 'sent';

CREATE TABLE persons (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);

CREATE TABLE identities (
    platform TEXT NOT NULL,
    platform_user TEXT NOT NULL,
    person_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (platform, platform_user)
);
CREATE INDEX identities_person ON identities (person_id);

-- What is known of an address besides what was said there.
CREATE TABLE addresses (
    address TEXT COLLATE "C" PRIMARY KEY,
    moved_to TEXT NOT NULL DEFAULT '',
    unreachable_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE conversations (
    id TEXT COLLATE "C" PRIMARY KEY,
    address TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    setting TEXT NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    last_inbound TEXT NOT NULL DEFAULT '',
    last_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX conversations_address ON conversations (address);
CREATE INDEX conversations_recent ON conversations (account, last_at);

CREATE TABLE sessions (
    id TEXT COLLATE "C" PRIMARY KEY,
    conversation_id TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    summary TEXT NOT NULL DEFAULT '',
    summary_through TEXT COLLATE "C" NOT NULL DEFAULT ''
);

CREATE TABLE messages (
    id TEXT COLLATE "C" PRIMARY KEY,
    session_id TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT NOT NULL,
    person_id TEXT NOT NULL DEFAULT '',
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    platform_message TEXT NOT NULL DEFAULT '',
    turn_id TEXT NOT NULL DEFAULT '',
    why TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);
CREATE INDEX messages_session ON messages (session_id, id);

CREATE TABLE events (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE model_calls (
    id TEXT COLLATE "C" PRIMARY KEY,
    turn_id TEXT NOT NULL DEFAULT '',
    task TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    result TEXT NOT NULL,
    tokens_in BIGINT NOT NULL DEFAULT 0,
    tokens_out BIGINT NOT NULL DEFAULT 0,
    cost_nano_usd BIGINT NOT NULL DEFAULT 0,
    first_token_ms BIGINT NOT NULL DEFAULT 0,
    total_ms BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);

CREATE TABLE attachments (
    id TEXT COLLATE "C" PRIMARY KEY,
    conversation_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    media TEXT NOT NULL,
    name TEXT COLLATE "C" NOT NULL DEFAULT '',
    mime TEXT NOT NULL DEFAULT '',
    size BIGINT NOT NULL DEFAULT 0,
    sha256 TEXT NOT NULL DEFAULT '',
    path TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'waiting',
    created_at BIGINT NOT NULL
);

-- What an adapter remembers over restarts.
CREATE TABLE bots (
    account TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account, name)
);

-- What is held by one process of several: the polling of an account, a shard.
CREATE TABLE holds (
    name TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL
);

CREATE TABLE system_config (
    name TEXT COLLATE "C" PRIMARY KEY,
    value TEXT NOT NULL
);
