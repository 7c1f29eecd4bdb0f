-- Whether a number of the inventory is fictional. By itself, because it locks the table: the next migration, which marks the
-- numbers, takes longer.
ALTER TABLE inventory_numbers ADD COLUMN fictional boolean NOT NULL DEFAULT false;
