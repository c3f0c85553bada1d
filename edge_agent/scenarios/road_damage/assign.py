"""Who belongs to whom at the least cost in all: pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

Costs = Sequence[Sequence[float]]  # n rows of m, infinity where a pair cannot be
_FORBIDDEN: Final = 1e6
"""A pair that cannot be costs more than any number of pairs that can: as many as possible are made."""


def assigned(costs: Costs) -> list[tuple[int, int]]:
    """Pairs (row, column), each in one pair at most: the most pairs that can be, and of those the cheapest.

    Source: shortest augmenting paths, R. Jonker and A. Volgenant, Computing 38 (1987).
    """
    if not costs or not costs[0]:
        return []
    if len(costs) > len(costs[0]):
        return sorted((row, column) for column, row in assigned(list(zip(*costs, strict=True))))
    seats = _Seats([[min(cost, _FORBIDDEN) for cost in row] for row in costs])
    for row in range(len(costs)):
        seats.seat(row)
    pairs = [(row, column) for column, row in enumerate(seats.owners) if row is not None]
    return sorted((row, column) for row, column in pairs if math.isfinite(costs[row][column]))


@dataclass(slots=True)
class _Path:
    """The cheapest ways of changes known from one row to each column."""

    costs: list[float]
    before: list[int | None]  # the column whose owner would move to this one
    is_done: list[bool]

    def nearest(self) -> int:
        open_columns = (column for column, done in enumerate(self.is_done) if not done)
        return min(open_columns, key=self.costs.__getitem__)


@dataclass(slots=True)
class _Seats:
    """Columns with their rows, and the prices that prove that no change is cheaper."""

    costs: list[list[float]]
    owners: list[int | None] = field(init=False)
    of_rows: list[float] = field(init=False)
    of_columns: list[float] = field(init=False)

    def __post_init__(self) -> None:
        columns = len(self.costs[0])
        self.owners, self.of_columns = [None] * columns, [0.0] * columns
        self.of_rows = [0.0] * len(self.costs)

    def seat(self, row: int) -> None:
        """Give one more row a column; those seated before may have to move."""
        columns = len(self.owners)
        path = _Path([math.inf] * columns, [None] * columns, [False] * columns)
        asking, reached, way = row, None, 0.0
        while True:
            self._ask(path, asking, reached, way)
            reached = path.nearest()
            way, owner = path.costs[reached], self.owners[reached]
            if owner is None:
                break
            path.is_done[reached], asking = True, owner
        self._price(path, row, way)
        self._move(path, row, reached)

    def _ask(self, path: _Path, row: int, through: int | None, way: float) -> None:
        base = way - self.of_rows[row]
        for column, cost in enumerate(self.costs[row]):
            offer = base + cost - self.of_columns[column]
            if not path.is_done[column] and offer < path.costs[column]:
                path.costs[column], path.before[column] = offer, through

    def _price(self, path: _Path, row: int, way: float) -> None:
        self.of_rows[row] += way
        for column, owner in enumerate(self.owners):
            if path.is_done[column] and owner is not None:
                self.of_rows[owner] += way - path.costs[column]
                self.of_columns[column] -= way - path.costs[column]

    def _move(self, path: _Path, row: int, column: int) -> None:
        while (previous := path.before[column]) is not None:
            self.owners[column] = self.owners[previous]
            column = previous
        self.owners[column] = row
