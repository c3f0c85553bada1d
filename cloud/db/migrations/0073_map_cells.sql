-- Findings counted by H3 cell of each resolution, for the map from far away.
CREATE TABLE map_cells (
    cell text NOT NULL,
    parent text, -- one resolution coarser; none at the coarsest
    class_code text NOT NULL,
    state text NOT NULL,
    light bigint NOT NULL, -- findings by severity
    medium bigint NOT NULL,
    heavy bigint NOT NULL,
    open_cases bigint NOT NULL,
    CONSTRAINT map_cells_pkey PRIMARY KEY (cell, class_code, state),
    CONSTRAINT map_cells_findings_check CHECK (light >= 0 AND medium >= 0 AND heavy >= 0),
    CONSTRAINT map_cells_open_cases_check CHECK (open_cases BETWEEN 0 AND light + medium + heavy)
);
CREATE INDEX map_cells_parent_idx ON map_cells (parent);

-- Cells that are to be counted anew. Rows are only added here, so that nobody waits for anybody.
CREATE TABLE marked_cells (cell text NOT NULL);

CREATE INDEX findings_map_idx ON findings (cell, class_code, state, severity) WHERE merged_into IS NULL;

CREATE FUNCTION mark_cell_of_finding() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO marked_cells VALUES (OLD.cell);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.cell <> OLD.cell) THEN
        INSERT INTO marked_cells VALUES (NEW.cell);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER findings_mark_cell AFTER INSERT OR DELETE ON findings FOR EACH ROW EXECUTE FUNCTION mark_cell_of_finding();
CREATE TRIGGER findings_mark_changed_cell AFTER UPDATE ON findings FOR EACH ROW
    WHEN ((OLD.cell, OLD.class_code, OLD.state, OLD.severity, OLD.merged_into)
        IS DISTINCT FROM (NEW.cell, NEW.class_code, NEW.state, NEW.severity, NEW.merged_into))
    EXECUTE FUNCTION mark_cell_of_finding();

CREATE FUNCTION mark_cell_of_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO marked_cells SELECT cell FROM findings WHERE id IN (NEW.finding_id, OLD.finding_id);
    RETURN NULL;
END $$;
CREATE TRIGGER cases_mark_cell AFTER INSERT ON cases FOR EACH ROW EXECUTE FUNCTION mark_cell_of_case();
CREATE TRIGGER cases_mark_changed_cell AFTER UPDATE ON cases FOR EACH ROW
    WHEN ((OLD.state, OLD.finding_id) IS DISTINCT FROM (NEW.state, NEW.finding_id))
    EXECUTE FUNCTION mark_cell_of_case();

INSERT INTO marked_cells SELECT DISTINCT cell FROM findings;
