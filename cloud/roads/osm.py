"""Read the roads that a bus can drive on from an OpenStreetMap extract, in bounded memory."""

from array import array
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import osmium
from osmium.filter import KeyFilter
from osmium.osm import WAY, TagList, Way

from cloud.errors import RoadsError
from cloud.roads.model import JoinedRoad, Line, Road, Surface

_MAIN: Final = ("motorway", "trunk", "primary", "secondary", "tertiary")
KINDS: Final = frozenset(
    (
        *(kind + ending for kind in _MAIN for ending in ("", "_link")),
        *("unclassified", "residential", "living_street", "service", "road", "busway"),
    )
)
_SIDE_SERVICES: Final = frozenset({"parking_aisle", "driveway", "drive-through", "emergency_access", "campground"})
_CLOSED: Final = frozenset({"no", "private"})
_BACKWARDS: Final = frozenset({"-1", "reverse"})
_ONE_WAY: Final = frozenset({"yes", "true", "1"}) | _BACKWARDS
_FOR_BUSES: Final = frozenset({"yes", "designated"})
_MAX_LANES: Final = 12
_WIDTHS_M: Final = (2.0, 60.0)
_LIMITS_MPS: Final = (1.0, 45.0)


class OsmFile:
    """An extract (.osm.pbf, .osm.bz2, .osm)."""

    def __init__(self, path: Path) -> None:
        """Find out how many roads there are and where they meet.

        Raises:
            RoadsError: the file cannot be read.
        """
        self._path = path
        used = array("q")  # 8 bytes a node; osmium's own sets of ids take a thousand times that where ids lie scattered
        self.count = 0
        try:
            for way in _ways(osmium.FileProcessor(path, WAY)):
                used.extend(node.ref for node in way.nodes)
                self.count += 1
        except RuntimeError as error:
            raise RoadsError(f"{path}: {error}") from error
        self._shared = _repeated(used)

    def roads(self) -> Iterator[JoinedRoad]:
        """Read the roads. The places of the nodes lie in a temporary file, not in memory.

        Raises:
            RoadsError: the file cannot be read.
        """
        with TemporaryDirectory(prefix="busense-roads-") as folder:
            processor = osmium.FileProcessor(self._path).with_locations(f"sparse_file_array,{folder}/places")
            try:
                for way in _ways(processor):
                    yield self._joined(way)
            except RuntimeError as error:
                raise RoadsError(f"{self._path}: {error}") from error

    def _joined(self, way: Way) -> JoinedRoad:
        # An extract cut at its border lacks places of some nodes.
        nodes = [node for node in way.nodes if node.location.valid()]
        if _direction(way.tags) in _BACKWARDS:
            nodes.reverse()
        line = tuple((node.location.lon, node.location.lat) for node in nodes)
        junctions = frozenset(number for number, node in enumerate(nodes) if node.ref in self._shared)
        return JoinedRoad(road=_road(way, line), junctions=junctions)


def _ways(processor: osmium.FileProcessor) -> Iterator[Way]:
    for way in processor.with_filter(KeyFilter("highway")):
        if isinstance(way, Way) and is_road(way.tags):
            yield way


def _repeated(ids: "array[int]") -> frozenset[int]:
    found, uses = np.unique(np.frombuffer(ids, dtype=np.int64), return_counts=True)
    return frozenset(found[uses > 1].tolist())


def is_road(tags: TagList) -> bool:
    """Whether a bus may drive there."""
    if tags.get("highway") not in KINDS or tags.get("area") == "yes" or tags.get("service") in _SIDE_SERVICES:
        return False
    return tags.get("access") not in _CLOSED or bool(_FOR_BUSES & {tags.get("bus"), tags.get("psv")})


def _road(way: Way, line: Line) -> Road:
    tags = way.tags
    return Road(
        id=f"way/{way.id}",
        name=(tags.get("name") or tags.get("ref") or "")[:200] or None,
        kind=tags["highway"],
        line=line,
        lanes=lanes_of(tags.get("lanes")),
        width_m=width_of(tags.get("width")),
        surface=surface_of(tags.get("surface")),
        is_oneway=_direction(tags) in _ONE_WAY,
        limit_mps=limit_of(tags.get("maxspeed")),
    )


def _direction(tags: TagList) -> str:
    """What is said of buses, else of public transport, else of everybody."""
    for key in ("oneway:bus", "oneway:psv", "oneway"):
        if (said := tags.get(key)) is not None:
            return said
    return "yes" if tags.get("junction") == "roundabout" or tags["highway"] == "motorway" else "no"


def lanes_of(text: str | None) -> int | None:
    """Number of lanes; none for what cannot be one."""
    return int(text) if text and text.isascii() and text.isdecimal() and 1 <= int(text) <= _MAX_LANES else None


def width_of(text: str | None) -> float | None:
    """Width in metres (`7`, `7.5 m`); none for what cannot be one."""
    try:
        width_m = float((text or "").removesuffix("m").strip())
    except ValueError:
        return None
    return width_m if _WIDTHS_M[0] <= width_m <= _WIDTHS_M[1] else None


def limit_of(text: str | None) -> float | None:
    """Limit in m/s (`60`, `40 mph`); none for what cannot be one, as `none` or `CN:urban`."""
    number, _, unit = (text or "").strip().partition(" ")
    per_unit = {"": 1 / 3.6, "km/h": 1 / 3.6, "mph": 0.44704}.get(unit.strip())
    if per_unit is None or not (number.isascii() and number.isdecimal()):
        return None
    limit_mps = int(number) * per_unit
    return limit_mps if _LIMITS_MPS[0] <= limit_mps <= _LIMITS_MPS[1] else None


def surface_of(text: str | None) -> Surface:
    """Surface as far as the formulas tell surfaces apart."""
    return "concrete" if text and text.startswith("concrete") else "asphalt"
