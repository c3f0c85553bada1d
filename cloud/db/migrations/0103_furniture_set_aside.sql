-- Judging a thing can be set aside like all work of the worker.
ALTER TABLE set_aside
    DROP CONSTRAINT set_aside_kind_check,
    ADD CONSTRAINT set_aside_kind_check CHECK (kind IN (
        'fusion', 'evidence', 'segment', 'timer', 'dispatch', 'merge', 'judge', 'event', 'driving', 'furniture'));

-- Sightings of one thing may turn out to be another's, which then is the thing.
ALTER TABLE inventory.problems
    DROP CONSTRAINT problems_thing_id_fkey,
    ADD CONSTRAINT problems_thing_id_fkey FOREIGN KEY (thing_id) REFERENCES inventory.things (id) ON UPDATE CASCADE;
ALTER TABLE inventory.likenesses
    DROP CONSTRAINT likenesses_thing_id_fkey,
    ADD CONSTRAINT likenesses_thing_id_fkey FOREIGN KEY (thing_id) REFERENCES inventory.things (id)
        ON UPDATE CASCADE ON DELETE CASCADE;
