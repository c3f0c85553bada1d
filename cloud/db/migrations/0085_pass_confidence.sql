-- How much more usual a sighting's confidence is of damage than of nothing (log), as the fusion weighed it: a proof of a
-- repair weighs it alike. Null in passes that were weighed before.
ALTER TABLE finding_passes ADD COLUMN surer double precision;
