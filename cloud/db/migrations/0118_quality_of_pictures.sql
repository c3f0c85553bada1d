-- How well a camera saw, as error models name it; null: nobody told.
ALTER TABLE observations ADD COLUMN quality text;
ALTER TABLE coverages ADD COLUMN quality text;
ALTER TABLE finding_observations ADD COLUMN quality text;
ALTER TABLE finding_looks ADD COLUMN quality text;
ALTER TABLE finding_passes ADD COLUMN quality text;
ALTER TABLE inventory.finding_observations ADD COLUMN quality text;
ALTER TABLE inventory.finding_looks ADD COLUMN quality text;
ALTER TABLE inventory.finding_passes ADD COLUMN quality text;
