-- Sightings that count however old they are: those of decisions that stand, and of a merge that was taken back and has
-- not come apart yet, since by them each side is known again.
CREATE VIEW named_sightings AS
SELECT d.cell, o.observation_id
FROM finding_decisions d CROSS JOIN LATERAL unnest(d.first_observations || d.second_observations) o (observation_id)
WHERE d.undone_at IS NULL OR d.kind = 'merge' AND EXISTS (
    SELECT FROM findings f WHERE f.id IN (d.first_finding, d.second_finding) AND f.merged_into IS NOT NULL);
CREATE INDEX finding_decisions_place_idx ON finding_decisions (cell);
DROP INDEX finding_decisions_cell_idx;
