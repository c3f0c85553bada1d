"""Places that workers take turns in: an H3 cell with its neighbours."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

import h3
from psycopg import Connection

from cloud.db.value import fetch_value

RING: Final = 1  # a cell of resolution 9 is about 300 m across: nothing reaches beyond the next one

# Sorted, so that two workers never wait for each other crosswise.
_TRY: Final = """
SELECT bool_and(pg_try_advisory_xact_lock(hashtextextended('busense.place.' || cell, 0))) FROM unnest(%s::text[]) cell
"""
_TRY_EACH: Final = """
SELECT place FROM unnest(%s::text[], %s::text[]) AS n(place, cell) GROUP BY place
HAVING bool_and(pg_try_advisory_xact_lock(hashtextextended('busense.place.' || cell, 0)))
"""
_WAIT: Final = """
SELECT count(pg_advisory_xact_lock(hashtextextended('busense.place.' || cell, 0))) FROM unnest(%s::text[]) cell
"""


def cells_around(cell: str) -> list[str]:
    """A cell and its neighbours, sorted."""
    return sorted(cast("Sequence[str]", h3.grid_disk(cell, RING)))  # pyright: ignore[reportUnknownMemberType]


def lat_of_cell(cell: str) -> float:
    """Latitude of a cell's middle."""
    return float(h3.cell_to_latlng(cell)[0])  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def cells_around_all(cells: Iterable[str]) -> list[str]:
    """Cells and their neighbours, each once, sorted."""
    return sorted({each for cell in cells for each in cells_around(cell)})


def lock_free(connection: Connection[Any], cells: Sequence[str]) -> list[str]:
    """Lock those of these places where nobody is at work, until the end of the transaction; in their order.

    Of the others, some neighbours may be locked all the same.
    """
    pairs = [(cell, each) for cell in cells for each in cells_around(cell)]
    rows = connection.execute(_TRY_EACH, ([cell for cell, _ in pairs], [each for _, each in pairs])).fetchall()
    free = {cell for (cell,) in rows}
    return [cell for cell in cells if cell in free]


def try_lock_cells(connection: Connection[Any], cells: Sequence[str]) -> bool:
    """Lock cells (sorted) until the end of the transaction, if all are free; it never waits."""
    return bool(fetch_value(connection, _TRY, (list(cells),)))


def wait_for_cells(connection: Connection[Any], cells: Sequence[str]) -> None:
    """Lock cells (sorted), however long it takes; only for a transaction that holds no other."""
    connection.execute(_WAIT, (list(cells),))
