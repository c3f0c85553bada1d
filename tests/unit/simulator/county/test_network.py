from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from simulator.city import make_town
from simulator.county.lines import make_county_lines
from simulator.county.network import Network, network_of_town, read_network
from simulator.errors import NetworkError
from simulator.plane import Plane, Spot, distance_m

OSM = """<?xml version="1.0"?><osm version="0.6">
<node id="1" lon="120.0000" lat="27.0000"/><node id="2" lon="120.0100" lat="27.0000"/>
<node id="3" lon="120.0200" lat="27.0000"/><node id="4" lon="120.0200" lat="27.0100"/>
<node id="5" lon="120.0000" lat="27.0100"/><node id="6" lon="120.5000" lat="27.5000"/>
<way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="primary"/><tag k="oneway" v="yes"/></way>
<way id="11"><nd ref="3"/><nd ref="4"/><nd ref="5"/><nd ref="1"/><tag k="highway" v="residential"/></way>
<way id="12"><nd ref="5"/><nd ref="6"/><tag k="highway" v="footway"/></way>
<way id="13"><nd ref="2"/><nd ref="4"/><tag k="highway" v="primary"/><tag k="access" v="private"/></way>
</osm>"""


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    path = tmp_path / "roads.osm"
    path.write_text(OSM)
    return path


def _kilometres(network: Network, lon_from: float, lon_to: float, *, lat: float = 27.0) -> float:
    ends = (network.plane.spot(lon=lon, lat=lat) for lon in (lon_from, lon_to))
    start, end = (int(np.hypot(*(network.spots - spot).T).argmin()) for spot in ends)
    way = network.way([start, end])
    return sum(distance_m(a, b) for a, b in pairwise(way)) / 1000


def test_roads_of_an_extract_are_driven_in_their_open_directions_only(extract: Path) -> None:
    network = read_network(extract)
    assert network.spots[:, 1].max() - network.spots[:, 1].min() < 1200  # nobody drives on a footway
    assert _kilometres(network, 120.0, 120.02) == pytest.approx(1.98, abs=0.05)
    assert _kilometres(network, 120.02, 120.0) > 4.0  # around the block: the straight way is one-way


def test_a_one_way_road_that_buses_may_drive_against_is_driven_both_ways(extract: Path) -> None:
    one_way = '<tag k="oneway" v="yes"/>'
    extract.write_text(OSM.replace(one_way, one_way + '<tag k="oneway:bus" v="no"/>'))
    assert _kilometres(read_network(extract), 120.02, 120.0) == pytest.approx(1.98, abs=0.05)


def test_a_stop_lies_on_a_road_that_runs_straight_for_a_kilometre(extract: Path) -> None:
    """In the country a road's points may lie far apart."""
    network = read_network(extract)
    stops = [network.plane.spot(lon=lon, lat=27.0) for lon in (120.003, 120.006, 120.015)]
    way = network.way_past(stops)
    assert sum(distance_m(a, b) for a, b in pairwise(way)) == pytest.approx(distance_m(stops[0], stops[-1]), abs=100)


def test_an_extract_without_roads_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sea.osm"
    path.write_text('<?xml version="1.0"?><osm version="0.6"><node id="1" lon="0" lat="0"/></osm>')
    with pytest.raises(NetworkError, match="no road"):
        read_network(path)
    with pytest.raises(NetworkError):
        read_network(tmp_path / "missing.osm")


def test_a_network_too_small_for_a_line_is_refused_in_words() -> None:
    alone = Network(plane=Plane(origin_lon=120.0, origin_lat=27.0), spots=np.zeros((1, 2)), edges=csr_array((1, 1)))
    with pytest.raises(NetworkError, match="far enough apart"):
        make_county_lines(alone, 1, buses=1, seed=0)


def test_the_way_past_stops_finds_the_side_of_a_dual_carriageway() -> None:
    """Eastward lane at 0 m, westward at 20 m, joined at both ends; the stops of an eastward bus lie between them."""
    spots = np.array([(0, 0), (300, 0), (600, 0), (600, 20), (300, 20), (0, 20)], float)
    edges = np.zeros((6, 6))
    for a, b in ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)):
        edges[a, b] = np.hypot(*(spots[a] - spots[b]))
    network = Network(plane=Plane(origin_lon=0.0, origin_lat=0.0), spots=spots, edges=csr_array(edges))
    way = network.way_past([Spot(0, 11), Spot(300, 11), Spot(600, 11)])
    assert way == [Spot(0, 0), Spot(300, 0), Spot(600, 0)]


def test_a_stop_off_the_roads_is_named() -> None:
    network = network_of_town(make_town(0))
    with pytest.raises(NetworkError, match="lies more than"):
        network.way_past([Spot(0, 0), Spot(1e5, 0)])


def test_the_same_seed_lays_out_the_same_lines() -> None:
    network = network_of_town(make_town(3))
    first, again, other = (make_county_lines(network, 3, buses=6, seed=seed) for seed in (3, 3, 4))
    assert [each.line.path for each in first.lines] == [each.line.path for each in again.lines]
    assert [each.line.path for each in first.lines] != [each.line.path for each in other.lines]


def test_a_line_comes_home_in_the_other_lane() -> None:
    line = make_county_lines(network_of_town(make_town(0)), 1, buses=2, seed=0).lines[0].line
    assert line.path[0] == line.path[-1]
    out, home = line.place(line.length_m * 0.2)[0], line.place(line.length_m * 0.8)[0]
    assert 2.0 < distance_m(out, home) < 40.0


def test_more_buses_leave_more_often() -> None:
    network = network_of_town(make_town(0))
    few, many = (make_county_lines(network, 1, buses=buses, seed=0).lines[0].departures_s for buses in (2, 20))
    assert len(many) > 8 * len(few)
