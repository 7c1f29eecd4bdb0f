-- Sender IDs are stored in upper case. Builds that don't know this migration store them as requested, and show those that
-- were stored before in upper case.
UPDATE sender_ids SET sender_id = upper(sender_id COLLATE "C") WHERE sender_id <> upper(sender_id COLLATE "C");
