-- What the pass of a sighting shares of the receiver's error, found from all that it saw in common with other passes.
ALTER TABLE finding_observations
    ADD COLUMN shift_east_m double precision NOT NULL DEFAULT 0,
    ADD COLUMN shift_north_m double precision NOT NULL DEFAULT 0,
    ADD COLUMN left_m double precision; -- one sigma of what is left of it; null: nothing is known
