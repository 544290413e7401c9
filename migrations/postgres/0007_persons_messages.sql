-- Erasing a person looks for what they said, what was answered to it, and where; without these it reads every message
-- there is, several times over, while nobody else can write.
CREATE INDEX messages_person ON messages (person_id);
CREATE INDEX messages_turn ON messages (turn_id);
CREATE INDEX messages_conversation ON messages (conversation_id);
