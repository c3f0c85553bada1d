-- Null: the picture could not be compared.
ALTER TABLE inventory.likenesses ALTER COLUMN difference DROP NOT NULL;
