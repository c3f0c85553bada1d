"""Which cells a map is drawn with."""

import h3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.findings.cells import COARSEST, FINEST, MAX_CELLS, cells_over, parent_of, resolution_for, ring_of
from cloud.observations.tables import cell_of

SCREEN_PX = (1600.0, 900.0)


def screen(zoom: float, *, lon: float = 120.4, lat: float = 27.5) -> dict[str, float]:
    """What a screen shows: degrees on a map of tiles of 512 pixels."""
    per_pixel = 360 / 512 / 2**zoom
    wide, high = SCREEN_PX[0] * per_pixel / 2, SCREEN_PX[1] * per_pixel / 2 * 0.887
    return {"min_lon": lon - wide, "min_lat": lat - high, "max_lon": lon + wide, "max_lat": lat + high}


@pytest.mark.parametrize(
    ("zoom", "resolution"), [(0, 3), (5.5, 3), (8.5, 5), (11, 7), (12.5, 8), (14, 9), (20, 9)], ids=str
)
def test_cells_grow_finer_with_the_zoom(zoom: float, resolution: int) -> None:
    assert resolution_for(zoom=zoom, **screen(zoom)) == resolution


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(zoom=st.floats(0, 22), shown_at=st.floats(6, 22))
def test_however_large_the_rectangle_not_too_many_cells_cover_it(zoom: float, shown_at: float) -> None:
    box = screen(shown_at)
    resolution = resolution_for(zoom=zoom, **box)

    assert COARSEST <= resolution <= FINEST
    if resolution > COARSEST:
        assert len(cells_over(resolution, **box)) < 1.5 * MAX_CELLS


@pytest.mark.parametrize(("wide_deg", "high_deg"), [(0.0, 0.0), (0.0, 40.0), (40.0, 0.0), (1e-4, 20.0)], ids=str)
def test_nor_do_they_cover_a_strip(wide_deg: float, high_deg: float) -> None:
    box = {"min_lon": 100.0, "min_lat": 10.0, "max_lon": 100.0 + wide_deg, "max_lat": 10.0 + high_deg}
    resolution = resolution_for(zoom=16.0, **box)
    assert resolution == COARSEST or len(cells_over(resolution, **box)) < 1.5 * MAX_CELLS


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(east=st.floats(0, 1), north=st.floats(0, 1), zoom=st.floats(8, 16))
def test_whatever_lies_in_a_rectangle_lies_in_one_of_its_cells(east: float, north: float, zoom: float) -> None:
    box = screen(zoom)
    lon = box["min_lon"] + east * (box["max_lon"] - box["min_lon"])
    lat = box["min_lat"] + north * (box["max_lat"] - box["min_lat"])
    resolution = max(COARSEST + 1, resolution_for(zoom=zoom, **box))

    assert h3.latlng_to_cell(lat, lon, resolution) in cells_over(resolution, **box)  # pyright: ignore[reportUnknownMemberType]


def test_parents_end_at_the_coarsest() -> None:
    cells = [cell_of(lon=120.4, lat=27.5)]
    while (parent := parent_of(cells[-1])) is not None:
        cells.append(parent)

    assert len(cells) == FINEST - COARSEST + 1


def test_a_ring_is_closed_and_has_longitudes_first() -> None:
    ring = ring_of(cell_of(lon=120.4, lat=27.5))

    assert ring[0] == ring[-1]
    assert len(ring) == 7
    assert all(lon == pytest.approx(120.4, abs=0.01) and lat == pytest.approx(27.5, abs=0.01) for lon, lat in ring)
