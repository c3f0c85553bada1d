"""A seeded town: a slightly irregular grid of arterials and side streets with names."""

import heapq
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Any, Final

import numpy as np

from simulator.plane import Plane, Spot, distance_m

# Lingxi, Cangnan county, Zhejiang: a town of about this size lies here. WGS-84.
ORIGIN: Final = Plane(origin_lon=120.4258, origin_lat=27.5184)
COLUMNS, ROWS = 12, 10
BLOCK_M = (150.0, 260.0)
JITTER_M = 12.0
ARTERIAL_EVERY = 3
CLOSED_SHARE = 0.08  # of side-street blocks: built over

_EAST_WEST: Final = (
    ("人民大道", "Renmin Avenue"), ("玉苍路", "Yucang Road"), ("江滨路", "Jiangbin Road"),
    ("建设路", "Jianshe Road"), ("和平路", "Heping Road"), ("新华路", "Xinhua Road"),
    ("学院路", "Xueyuan Road"), ("公园路", "Gongyuan Road"), ("站前大道", "Zhanqian Avenue"),
    ("青年路", "Qingnian Road"), ("工业路", "Gongye Road"),
)  # fmt: skip
_NORTH_SOUTH: Final = (
    ("解放街", "Jiefang Street"), ("东门街", "Dongmen Street"), ("文化街", "Wenhua Street"),
    ("中山街", "Zhongshan Street"), ("湖滨街", "Hubin Street"), ("花园街", "Huayuan Street"),
    ("体育街", "Tiyu Street"), ("南门街", "Nanmen Street"), ("银泰街", "Yintai Street"),
    ("春晖街", "Chunhui Street"), ("西门街", "Ximen Street"), ("车站街", "Chezhan Street"),
    ("灵溪街", "Lingxi Street"),
)  # fmt: skip

Junction = tuple[int, int]  # column, row of the grid
_NEXT: Final = (-1, 0, 1)
LIMITS_KMH: Final = {"primary": 50, "secondary": 30, "residential": 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """One street between two of its ends; built-over blocks cut it."""

    id: str
    name_zh: str
    name_en: str
    kind: str  # OpenStreetMap's highway values
    junctions: tuple[Junction, ...]

    @property
    def limit_mps(self) -> float:
        return LIMITS_KMH[self.kind] / 3.6

    def within(self, near: Container[Junction]) -> Iterator["Street"]:
        """Pieces of the street whose junctions are all among some."""
        runs = [list(run) for is_near, run in groupby(self.junctions, key=near.__contains__) if is_near]
        for number, run in enumerate(run for run in runs if len(run) > 1):
            yield replace(self, id=f"{self.id}-{number}", junctions=tuple(run))


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Streets and where they meet."""

    plane: Plane
    junctions: dict[Junction, Spot]
    streets: tuple[Street, ...]

    def blocks(self) -> Iterator[tuple[Junction, Junction]]:
        """All pairs of neighbouring junctions that a street joins."""
        for street in self.streets:
            yield from pairwise(street.junctions)

    def around(self, centres: Iterable[Junction]) -> "Town":
        """The streets within one block of some junctions."""
        near = {(column + east, row + north) for column, row in centres for east in _NEXT for north in _NEXT}
        return Town(
            plane=self.plane,
            junctions={junction: spot for junction, spot in self.junctions.items() if junction in near},
            streets=tuple(part for street in self.streets for part in street.within(near)),
        )

    def way(self, stations: Sequence[Junction]) -> list[Junction]:
        """Shortest way over the streets through all stations in order."""
        neighbours = self._neighbours()
        way = [stations[0]]
        for start, end in pairwise(stations):
            way += self._shortest(neighbours, start, end)[1:]
        return way

    def _neighbours(self) -> dict[Junction, list[Junction]]:
        neighbours: dict[Junction, list[Junction]] = {junction: [] for junction in self.junctions}
        for a, b in self.blocks():
            neighbours[a].append(b)
            neighbours[b].append(a)
        return neighbours

    def _shortest(self, neighbours: dict[Junction, list[Junction]], start: Junction, end: Junction) -> list[Junction]:
        queue: list[tuple[float, list[Junction]]] = [(0.0, [start])]
        seen: set[Junction] = set()
        while queue:
            length_m, way = heapq.heappop(queue)
            here = way[-1]
            if here == end:
                return way
            if here in seen:
                continue
            seen.add(here)
            for there in neighbours[here]:
                step_m = distance_m(self.junctions[here], self.junctions[there])
                heapq.heappush(queue, (length_m + step_m, [*way, there]))
        raise ValueError(f"no street leads from {start} to {end}")


def make_town(seed: int) -> Town:
    """Lay out the town of a seed."""
    rng = np.random.default_rng((seed, 1))
    junctions = _lay_junctions(rng)
    rows = [[(column, row) for column in range(COLUMNS)] for row in range(ROWS)]
    columns = [[(column, row) for row in range(ROWS)] for column in range(COLUMNS)]
    streets = [
        *_lay_streets(rng, rows, names=_EAST_WEST, letter="e"),
        *_lay_streets(rng, columns, names=_NORTH_SOUTH, letter="n"),
    ]
    return Town(plane=ORIGIN, junctions=junctions, streets=tuple(streets))


def _lay_junctions(rng: np.random.Generator) -> dict[Junction, Spot]:
    east_m = np.concatenate([[0.0], np.cumsum(rng.uniform(*BLOCK_M, COLUMNS - 1))])
    north_m = np.concatenate([[0.0], np.cumsum(rng.uniform(*BLOCK_M, ROWS - 1))])
    tilt = rng.uniform(-0.12, 0.12)
    east_m, north_m = east_m - east_m.mean(), north_m - north_m.mean()
    junctions: dict[Junction, Spot] = {}
    for column in range(COLUMNS):
        for row in range(ROWS):
            x, y = np.array([east_m[column], north_m[row]]) + rng.uniform(-JITTER_M, JITTER_M, 2)
            junctions[column, row] = Spot(float(x + tilt * y), float(y - tilt * x))
    return junctions


def _lay_streets(
    rng: np.random.Generator, lines: list[list[Junction]], *, names: tuple[tuple[str, str], ...], letter: str
) -> Iterator[Street]:
    for number, line in enumerate(lines):
        is_arterial = number % ARTERIAL_EVERY == 0
        zh, en = names[number % len(names)]
        kind = "primary" if is_arterial else ("secondary", "residential")[number % 2]
        parts = [line] if is_arterial else _cut(rng, line)
        for part_number, part in enumerate(parts):
            yield Street(id=f"{letter}{number}-{part_number}", name_zh=zh, name_en=en, kind=kind, junctions=tuple(part))


def _cut(rng: np.random.Generator, line: list[Junction]) -> list[list[Junction]]:
    """Drop a few blocks of a side street."""
    parts = [[line[0]]]
    for junction in line[1:]:
        if rng.random() < CLOSED_SHARE:
            parts.append([])
        parts[-1].append(junction)
    return [part for part in parts if len(part) > 1]


def roads_geojson(town: Town) -> dict[str, Any]:
    """Streets as a GeoJSON FeatureCollection of lines with `name`, `name_en`, `kind` and `limit_kmh`."""
    features = [
        {
            "type": "Feature",
            "id": street.id,
            "properties": {
                "name": street.name_zh,
                "name_en": street.name_en,
                "kind": street.kind,
                "limit_kmh": LIMITS_KMH[street.kind],
            },
            "geometry": {
                "type": "LineString",
                "coordinates": [
                    [round(degrees, 7) for degrees in town.plane.lon_lat(town.junctions[junction])]
                    for junction in street.junctions
                ],
            },
        }
        for street in town.streets
    ]
    return {"type": "FeatureCollection", "features": features}
