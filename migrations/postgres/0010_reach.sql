-- Who talks in a direct chat, so that a person can be reached. What stands there already says so by its lines.
ALTER TABLE conversations ADD COLUMN person_id TEXT NOT NULL DEFAULT '';
UPDATE conversations SET person_id = COALESCE((SELECT m.person_id FROM messages m
    WHERE m.conversation_id = conversations.id AND m.person_id <> '' LIMIT 1), '')
    WHERE setting = 'direct';
CREATE INDEX conversations_person ON conversations (person_id, last_at) WHERE person_id <> '';
