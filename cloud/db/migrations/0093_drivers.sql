ALTER TABLE people DROP CONSTRAINT people_role_check;
ALTER TABLE people ADD CONSTRAINT people_role_check
    CHECK (role IN ('viewer', 'operator', 'crew', 'safety', 'care', 'fleet', 'admin', 'guardian', 'driver'));
