"""Counts of findings by cell, kept for the map.

Whoever changes a finding or a case marks its cell (triggers do so); here the marked cells are counted anew, and the
cells around them from theirs. Counting anew is right whatever happened in between, and in which order.
"""

from collections.abc import Iterable
from typing import Any, Final

from psycopg import Connection

from cloud.db.value import fetch_value
from cloud.findings.cells import COARSEST, FINEST, parent_of

ALL_CLASSES: Final = ""  # in the rows that count every class; the map mostly asks for these

# One counts at a time; the others find nothing to do.
_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('busense.map_cells', 0))"
_TAKE: Final = """
WITH taken AS (DELETE FROM marked_cells RETURNING cell) SELECT DISTINCT cell FROM taken
"""
_CLEAR: Final = "DELETE FROM map_cells WHERE cell = ANY(%s)"
_COUNT: Final = """
WITH counted AS (
    SELECT a.cell, a.parent, f.class_code, f.state, count(*) FILTER (WHERE f.severity = 'light') AS light,
        count(*) FILTER (WHERE f.severity = 'medium') AS medium, count(*) FILTER (WHERE f.severity = 'heavy') AS heavy,
        count(c.id) AS open_cases
    FROM unnest(%s::text[], %s::text[]) AS a (cell, parent)
    JOIN findings f ON f.cell = a.cell AND f.merged_into IS NULL
    LEFT JOIN cases c ON c.finding_id = f.id AND c.state <> 'verified' AND NOT is_ended(c.state)
    GROUP BY a.cell, a.parent, f.class_code, f.state
)
INSERT INTO map_cells (cell, parent, class_code, state, light, medium, heavy, open_cases)
SELECT * FROM counted
UNION ALL
SELECT cell, parent, '', state, sum(light), sum(medium), sum(heavy), sum(open_cases) FROM counted
GROUP BY cell, parent, state
"""
_ADD_UP: Final = """
INSERT INTO map_cells (cell, parent, class_code, state, light, medium, heavy, open_cases)
SELECT a.cell, a.parent, m.class_code, m.state, sum(m.light), sum(m.medium), sum(m.heavy), sum(m.open_cases)
FROM unnest(%s::text[], %s::text[]) AS a (cell, parent)
JOIN map_cells m ON m.parent = a.cell
GROUP BY a.cell, a.parent, m.class_code, m.state
"""


def count_marked_cells(connection: Connection[Any]) -> int:
    """Count what was marked, in one transaction; returns how many cells of the finest resolution that were."""
    with connection.transaction():
        if not fetch_value(connection, _LOCK):
            return 0
        marked = {cell for (cell,) in connection.execute(_TAKE)}
        cells: set[str] = marked
        for resolution in range(FINEST, COARSEST - 1, -1):
            _replace(connection, cells, is_finest=resolution == FINEST)
            cells = _parents(cells)
        return len(marked)


def _replace(connection: Connection[Any], cells: Iterable[str], *, is_finest: bool) -> None:
    names = sorted(cells)
    if names:
        connection.execute(_CLEAR, (names,))
        connection.execute(_COUNT if is_finest else _ADD_UP, (names, [parent_of(cell) for cell in names]))


def _parents(cells: Iterable[str]) -> set[str]:
    return {parent for cell in cells if (parent := parent_of(cell)) is not None}
