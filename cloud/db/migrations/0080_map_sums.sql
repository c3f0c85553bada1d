-- The map mostly asks for all classes: their sums are kept too, as rows of the class ''. Sums of integers are cheaper.
ALTER TABLE map_cells
    ALTER COLUMN light TYPE integer, ALTER COLUMN medium TYPE integer, ALTER COLUMN heavy TYPE integer,
    ALTER COLUMN open_cases TYPE integer;
INSERT INTO map_cells (cell, parent, class_code, state, light, medium, heavy, open_cases)
SELECT cell, parent, '', state, sum(light), sum(medium), sum(heavy), sum(open_cases) FROM map_cells
GROUP BY cell, parent, state;
