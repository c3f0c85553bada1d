-- By which rule a message of the quarantine was mended before it could be stored; its bytes stay as they came.
ALTER TABLE quarantine ADD COLUMN mended_by text;
