"""Squares on the ground, so that only what lies near is compared."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from cloud.roads.plane import metres_per_degree

# A degree of longitude is as long everywhere in a county, to a tenth: 300 km to the north it is 3 % shorter.
_MARGIN: Final = 1.1

Item = TypeVar("Item")
Square = tuple[int, int]


class Squares(Generic[Item]):
    """Things by the square in which they lie."""

    def __init__(self, *, reach_m: float, lat: float) -> None:
        """Make the squares so large that what lies within `reach_m` is in one that touches; `lat` is of about there."""
        east_m, north_m = metres_per_degree(lat)
        self._per_lon, self._per_lat = east_m / (_MARGIN * reach_m), north_m / (_MARGIN * reach_m)
        self._items: defaultdict[Square, list[Item]] = defaultdict(list)

    def add(self, item: Item, *, lon: float, lat: float) -> None:
        self._items[self._square(lon, lat)].append(item)

    def near(self, *, lon: float, lat: float) -> Iterator[Item]:
        """Things that may lie within reach of a place."""
        column, row = self._square(lon, lat)
        for east in (-1, 0, 1):
            for north in (-1, 0, 1):
                yield from self._items.get((column + east, row + north), ())

    def _square(self, lon: float, lat: float) -> Square:
        return int(lon * self._per_lon // 1), int(lat * self._per_lat // 1)
