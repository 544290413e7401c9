-- What somebody thinks of answers is looked up with each question of theirs.
CREATE INDEX feedback_person ON feedback (person_id, created_at);
