"""Road networks in files: OpenStreetMap extracts and GeoJSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cloud.roads.geojson import read_roads
from cloud.roads.model import JoinedRoad
from cloud.roads.segments import join_roads

_OSM: Final = (".osm", ".osm.pbf", ".osm.bz2", ".osm.gz", ".pbf")


def open_roads(path: Path) -> tuple[int, Iterator[JoinedRoad]]:
    """Tell how many roads a file has, and read them.

    Raises:
        RoadsError: the file cannot be read.
    """
    if not path.name.endswith(_OSM):
        roads = read_roads(path)
        return len(roads), join_roads(roads)
    from cloud.roads.osm import OsmFile  # noqa: PLC0415 - the other commands need no OpenStreetMap library

    file = OsmFile(path)
    return file.count, file.roads()
