-- Where fans give money to an artist. `stars` and `cards` are JSON lists of amounts in the smallest unit; `links` is a
-- JSON object from the name of a page to its address.
CREATE TABLE tip_jars (
    artist_id TEXT COLLATE "C" PRIMARY KEY,
    slug TEXT COLLATE "C" NOT NULL UNIQUE,
    is_open BIGINT NOT NULL DEFAULT 0,
    public_name TEXT COLLATE "C" NOT NULL DEFAULT '',
    stars TEXT COLLATE "C" NOT NULL DEFAULT '[50,100,250]',
    currency TEXT COLLATE "C" NOT NULL DEFAULT 'USD',
    cards TEXT COLLATE "C" NOT NULL DEFAULT '[300,500,1000]',
    links TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    terms TEXT COLLATE "C" NOT NULL DEFAULT '',
    contact TEXT COLLATE "C" NOT NULL DEFAULT '',
    set_at BIGINT NOT NULL
);

-- What proves that a webhook comes from the provider of an artist; sealed.
CREATE TABLE tip_secrets (
    artist_id TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    sealed TEXT COLLATE "C" NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (artist_id, provider)
);

-- What a fan said to give, before it is paid: its id stands on the invoice.
CREATE TABLE tip_asks (
    id TEXT COLLATE "C" PRIMARY KEY,
    artist_id TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL DEFAULT '',
    provider TEXT COLLATE "C" NOT NULL,
    minor BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL DEFAULT '',
    is_public BIGINT NOT NULL DEFAULT 0,
    address TEXT COLLATE "C" NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);
CREATE INDEX tip_asks_person ON tip_asks (person_id) WHERE person_id <> '';

-- Money that a provider says was given: everything known about it, in whatever order it came. `paid` is 1 once the payment
-- itself is known; until then, and where `trouble` says why it cannot be booked, the state is 'pending'. All amounts are
-- in the smallest unit of `currency`; `refunded` is everything that went back so far.
CREATE TABLE tips (
    id TEXT COLLATE "C" PRIMARY KEY,
    provider TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C" NOT NULL,
    artist_id TEXT COLLATE "C" NOT NULL DEFAULT '',
    ask_id TEXT COLLATE "C" NOT NULL DEFAULT '',
    person_id TEXT COLLATE "C" NOT NULL DEFAULT '',
    payer TEXT COLLATE "C" NOT NULL DEFAULT '',
    account TEXT COLLATE "C" NOT NULL DEFAULT '',
    name TEXT COLLATE "C" NOT NULL DEFAULT '',
    email TEXT COLLATE "C" NOT NULL DEFAULT '',
    message TEXT COLLATE "C" NOT NULL DEFAULT '',
    is_public BIGINT NOT NULL DEFAULT 0,
    address TEXT COLLATE "C" NOT NULL DEFAULT '',
    state TEXT COLLATE "C" NOT NULL,
    trouble TEXT COLLATE "C" NOT NULL DEFAULT '',
    paid BIGINT NOT NULL DEFAULT 0,
    gross BIGINT NOT NULL DEFAULT 0,
    fee BIGINT NOT NULL DEFAULT 0,
    refunded BIGINT NOT NULL DEFAULT 0,
    net BIGINT NOT NULL DEFAULT 0,
    currency TEXT COLLATE "C" NOT NULL DEFAULT '',
    dispute TEXT COLLATE "C" NOT NULL DEFAULT '',
    disputed BIGINT NOT NULL DEFAULT 0,
    dispute_fee BIGINT NOT NULL DEFAULT 0,
    dispute_at BIGINT NOT NULL DEFAULT 0,
    bookings BIGINT NOT NULL DEFAULT 0,
    month TEXT COLLATE "C" NOT NULL DEFAULT '',
    received_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (provider, external_id)
);
CREATE INDEX tips_artist ON tips (artist_id, received_at);
CREATE INDEX tips_person ON tips (person_id) WHERE person_id <> '';
CREATE INDEX tips_ask ON tips (ask_id) WHERE ask_id <> '';

-- Double entry: the rows of one booking sum to 0 in each currency. Nothing here is ever changed or deleted.
CREATE TABLE ledger_entries (
    id TEXT COLLATE "C" PRIMARY KEY,
    tip_id TEXT COLLATE "C" NOT NULL,
    booking BIGINT NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    minor BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (tip_id, booking, account)
);
CREATE INDEX ledger_entries_account ON ledger_entries (account, currency);
