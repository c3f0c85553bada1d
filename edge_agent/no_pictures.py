"""Places near which no picture is kept: seats of government, military ground, whatever else the county lists."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import ConfigurationError

MARGIN_M: Final = 100.0
"""A camera shows what lies ahead of the thing it looks at, too."""
METRES_PER_DEGREE: Final = 111_195.0  # of latitude, on a sphere of 6,371 km
MAX_BYTES: Final = 10_000_000
_FEWEST_CORNERS: Final = 4  # a GeoJSON ring ends where it begins (RFC 7946, section 3.1.6)

Ring = NDArray[np.float64]
"""(N, 2) lon, lat in degrees WGS-84."""


class NoPicturePlaces:
    """Polygons; a hole in one counts as part of it."""

    def __init__(self, rings: Sequence[Ring] = ()) -> None:
        self._rings = tuple(rings)

    @classmethod
    def read(cls, path: Path) -> "NoPicturePlaces":
        """Read a GeoJSON file of Polygons and MultiPolygons, WGS-84.

        Raises:
            ConfigurationError: it cannot be read, or holds something else: then nobody knows where the places are.
        """
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ConfigurationError(f"{path} is larger than {MAX_BYTES} bytes; simplify its polygons")
            return cls([ring for geometry in _geometries(json.loads(path.read_bytes())) for ring in _rings(geometry)])
        except OSError as error:
            raise ConfigurationError(f"{path} (places without pictures) cannot be read: {error}") from error
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise ConfigurationError(
                f"{path} is no GeoJSON of Polygons or MultiPolygons with lon, lat in degrees: {error}"
            ) from error

    @property
    def is_empty(self) -> bool:
        return not self._rings

    def is_near(self, *, lon: float, lat: float) -> bool:
        """Whether a position lies in one of the places or within `MARGIN_M` of it, over the 180th meridian too."""
        scale = np.array([METRES_PER_DEGREE * math.cos(math.radians(lat)), METRES_PER_DEGREE])
        return any(
            cv2.pointPolygonTest(((ring - (seen, lat)) * scale).astype(np.float32), (0.0, 0.0), measureDist=True)
            >= -MARGIN_M
            for ring in self._rings
            for seen in (lon, lon - math.copysign(360.0, lon))
        )


def _geometries(document: object) -> Iterator[dict[str, object]]:
    found = cast("dict[str, object]", document)
    match found["type"]:
        case "FeatureCollection":
            for feature in cast("list[object]", found["features"]):
                yield from _geometries(feature)
        case "Feature":
            yield from _geometries(found["geometry"])
        case "Polygon" | "MultiPolygon":
            yield found
        case other:
            raise ValueError(f"a geometry is of type {other}")


def _rings(geometry: dict[str, object]) -> Iterator[Ring]:
    coordinates = cast("list[list[object]]", geometry["coordinates"])
    for polygon in coordinates if geometry["type"] == "MultiPolygon" else [coordinates]:
        ring = np.array(polygon[0], np.float64)[:, :2]
        if len(ring) < _FEWEST_CORNERS or not (np.abs(ring) <= (180, 90)).all():
            raise ValueError(f"a ring has {len(ring)} corners or is no place on Earth")
        yield ring
