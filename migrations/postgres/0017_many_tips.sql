-- What is looked up for every tip and every note, however many there are.
CREATE INDEX tips_payer ON tips (provider, payer) WHERE payer <> '';
CREATE INDEX tips_email ON tips (artist_id, email) WHERE email <> '';
CREATE INDEX artist_notes_waiting ON artist_notes (artist_id, created_at) WHERE told_at = 0;
CREATE INDEX artist_notes_at_once ON artist_notes (artist_id, created_at) WHERE at_once = 1;
