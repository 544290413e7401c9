-- Where fans give money to an artist. `stars` and `cards` are JSON lists of amounts in the smallest unit; `links` is a
-- JSON object from the name of a page to its address.
CREATE TABLE tip_jars (
    artist_id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    is_open BIGINT NOT NULL DEFAULT 0,
    public_name TEXT NOT NULL DEFAULT '',
    stars TEXT NOT NULL DEFAULT '[50,100,250]',
    currency TEXT NOT NULL DEFAULT 'USD',
    cards TEXT NOT NULL DEFAULT '[300,500,1000]',
    links TEXT NOT NULL DEFAULT '{}',
    terms TEXT NOT NULL DEFAULT '',
    contact TEXT NOT NULL DEFAULT '',
    set_at BIGINT NOT NULL
);

-- What proves that a webhook comes from the provider of an artist; sealed.
CREATE TABLE tip_secrets (
    artist_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    sealed TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (artist_id, provider)
);

-- What a fan said to give, before it is paid: its id stands on the invoice.
CREATE TABLE tip_asks (
    id TEXT PRIMARY KEY,
    artist_id TEXT NOT NULL,
    person_id TEXT NOT NULL DEFAULT '',
    provider TEXT NOT NULL,
    minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    is_public BIGINT NOT NULL DEFAULT 0,
    address TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);
CREATE INDEX tip_asks_person ON tip_asks (person_id) WHERE person_id <> '';

-- Money that a provider says was given: everything known about it, in whatever order it came. `paid` is 1 once the payment
-- itself is known; until then, and where `trouble` says why it cannot be booked, the state is 'pending'. All amounts are
-- in the smallest unit of `currency`; `refunded` is everything that went back so far.
CREATE TABLE tips (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    external_id TEXT NOT NULL,
    artist_id TEXT NOT NULL DEFAULT '',
    ask_id TEXT NOT NULL DEFAULT '',
    person_id TEXT NOT NULL DEFAULT '',
    payer TEXT NOT NULL DEFAULT '',
    account TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '',
    email TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    is_public BIGINT NOT NULL DEFAULT 0,
    address TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
    trouble TEXT NOT NULL DEFAULT '',
    paid BIGINT NOT NULL DEFAULT 0,
    gross BIGINT NOT NULL DEFAULT 0,
    fee BIGINT NOT NULL DEFAULT 0,
    refunded BIGINT NOT NULL DEFAULT 0,
    net BIGINT NOT NULL DEFAULT 0,
    currency TEXT NOT NULL DEFAULT '',
    dispute TEXT NOT NULL DEFAULT '',
    disputed BIGINT NOT NULL DEFAULT 0,
    dispute_fee BIGINT NOT NULL DEFAULT 0,
    dispute_at BIGINT NOT NULL DEFAULT 0,
    bookings BIGINT NOT NULL DEFAULT 0,
    month TEXT NOT NULL DEFAULT '',
    received_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (provider, external_id)
);
CREATE INDEX tips_artist ON tips (artist_id, received_at);
CREATE INDEX tips_person ON tips (person_id) WHERE person_id <> '';
CREATE INDEX tips_ask ON tips (ask_id) WHERE ask_id <> '';

-- Double entry: the rows of one booking sum to 0 in each currency. Nothing here is ever changed or deleted.
CREATE TABLE ledger_entries (
    id TEXT PRIMARY KEY,
    tip_id TEXT NOT NULL,
    booking BIGINT NOT NULL,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    minor BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (tip_id, booking, account)
);
CREATE INDEX ledger_entries_account ON ledger_entries (account, currency);
