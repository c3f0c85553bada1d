-- Which findings became one with this one: their cases are its cases.
CREATE INDEX findings_merged_into_idx ON findings (merged_into) WHERE merged_into IS NOT NULL;
