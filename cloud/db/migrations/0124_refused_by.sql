-- Whose list it was that a feature was refused of; null: of the server's own command, or from before this was noted.
-- Who is limited to areas reads what was refused of lists of their own, and of no other.
ALTER TABLE inventory.refused ADD COLUMN brought_by text;
