-- What one person said is found without reading everybody's.
CREATE INDEX messages_person ON messages (person_id) WHERE person_id <> '';
CREATE INDEX sessions_conversation ON sessions (conversation_id);
CREATE INDEX model_calls_turn ON model_calls (turn_id) WHERE turn_id <> '';
CREATE INDEX attachments_path ON attachments (path) WHERE path <> '';
-- What could not be read is deleted like everything else that is gone.
UPDATE documents SET state = 'gone' WHERE state = 'failed';
