"""Findings from far away: which H3 cells a map is drawn with, and where they lie."""

import math
from collections.abc import Iterable, Sequence
from typing import Final, cast

import h3

FINEST: Final = 9  # as `findings.cell`
COARSEST: Final = 3  # edges of 69 km: a province has a few
MAX_CELLS: Final = 1500  # in one answer
SMALLEST_EDGE_PX: Final = 30.0

_METRES_PER_PIXEL: Final = 78_271.5  # at zoom 0 on the equator, tiles of 512 pixels
_KM_PER_DEGREE: Final = 111.195
_EDGE_M: Final = 1_281_256.0  # of the coarsest cells there are; each step is finer by the root of 7

Ring = tuple[tuple[float, float], ...]


def resolution_for(
    *, zoom: float, min_lon: float, min_lat: float, max_lon: float, max_lat: float, most: float = MAX_CELLS
) -> int:
    """The finest resolution whose cells can be told apart at a zoom, and of which not too many cover the rectangle."""
    shrink = math.cos(math.radians((min_lat + max_lat) / 2))
    metres_per_pixel = _METRES_PER_PIXEL * shrink / 2**zoom
    wide_km, high_km = (max_lon - min_lon) * shrink * _KM_PER_DEGREE, (max_lat - min_lat) * _KM_PER_DEGREE
    fitting = (
        resolution
        for resolution in range(FINEST, COARSEST, -1)
        if _edge_m(resolution) >= SMALLEST_EDGE_PX * metres_per_pixel
        and _cells_touched(wide_km, high_km, edge_km=_edge_m(resolution) / 1000) <= most
    )
    return next(fitting, COARSEST)


def _cells_touched(wide_km: float, high_km: float, *, edge_km: float) -> float:
    """About how many cells touch a rectangle: those within, and those at its edges, of which a strip has most."""
    return (wide_km + edge_km) * (high_km + edge_km) / (1.5 * math.sqrt(3) * edge_km**2)


def _edge_m(resolution: int) -> float:
    return _EDGE_M / 7 ** (resolution / 2)


def cells_over(resolution: int, *, min_lon: float, min_lat: float, max_lon: float, max_lat: float) -> list[str]:
    """Cells that touch a rectangle which is small against the earth."""
    corners = [(min_lat, min_lon), (min_lat, max_lon), (max_lat, max_lon), (max_lat, min_lon)]
    found: object = h3.h3shape_to_cells_experimental(h3.LatLngPoly(corners), resolution, contain="overlap")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return list(cast("Iterable[str]", found))


def parent_of(cell: str) -> str | None:
    """The cell around a cell, one resolution coarser; none around the coarsest."""
    if h3.get_resolution(cell) <= COARSEST:  # pyright: ignore[reportUnknownMemberType]
        return None
    return str(h3.cell_to_parent(cell))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def ring_of(cell: str) -> Ring:
    """The closed outline of a cell, lon before lat, to about a metre."""
    corners = cast("Sequence[tuple[float, float]]", h3.cell_to_boundary(cell))  # pyright: ignore[reportUnknownMemberType]
    ring = [(round(lon, 5), round(lat, 5)) for lat, lon in corners]
    return (*ring, ring[0])


def cell_of(resolution: int, *, lon: float, lat: float) -> str:
    """The cell of a place."""
    return str(h3.latlng_to_cell(lat, lon, resolution))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def cell_around(cell: str, resolution: int) -> str:
    """The cell of a coarser resolution (or the same) around a cell."""
    return str(h3.cell_to_parent(cell, resolution))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def middle_of(cell: str) -> tuple[float, float]:
    """The middle of a cell, lon before lat."""
    lat, lon = cast("tuple[float, float]", h3.cell_to_latlng(cell))  # pyright: ignore[reportUnknownMemberType]
    return lon, lat
