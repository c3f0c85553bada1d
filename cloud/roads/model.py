"""Roads, and the segments into which they are cut."""

from dataclasses import dataclass
from typing import Literal

Line = tuple[tuple[float, float], ...]  # lon, lat
Surface = Literal["asphalt", "concrete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """One line of the network."""

    id: str
    name: str | None
    kind: str
    line: Line
    lanes: int | None = None
    width_m: float | None = None
    surface: Surface = "asphalt"
    is_oneway: bool = False
    limit_mps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedRoad:
    """A road, and at which of its places (numbers in its line) it meets others or itself."""

    road: Road
    junctions: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of a road, from junction to junction and about 100 m long.

    Its `course` follows from its road and line; its `id` stays when a later import changes the line a little.
    """

    id: str
    course: str
    road_id: str
    line: Line
    length_m: float
