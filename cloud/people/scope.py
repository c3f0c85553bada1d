"""Which rows there are for somebody: of a unit, in areas; every other row is as if it did not exist."""

from dataclasses import dataclass
from typing import Any, Final

from shapely.geometry import Point, Polygon

SCOPE_CASE: Final = """
    (%(scope_sees_cases)s AND (%(scope_unit)s::text IS NULL OR c.unit = %(scope_unit)s))
"""
"""Whether a row of `cases c` is in scope by its unit."""
SCOPE_PLACE: Final = """
    (%(scope_areas)s::polygon[] IS NULL OR point(f.lon, f.lat) <@ ANY(%(scope_areas)s::polygon[]))
"""
"""Whether a row of `findings f` is in scope by its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A unit and areas; none of both is everything."""

    sees_cases: bool = True
    unit: str | None = None
    areas: tuple[Polygon, ...] | None = None

    @property
    def is_everything(self) -> bool:
        return self.sees_cases and self.unit is None and self.areas is None

    def has_place(self, *, lon: float, lat: float) -> bool:
        """Whether a place is in scope."""
        return self.areas is None or any(area.intersects(Point(lon, lat)) for area in self.areas)

    def has_case(self, *, unit: str | None, lon: float, lat: float) -> bool:
        """Whether a case is in scope."""
        return self.sees_cases and (self.unit is None or unit == self.unit) and self.has_place(lon=lon, lat=lat)

    def values(self) -> dict[str, Any]:
        """Values of a statement with SCOPE_CASE or SCOPE_PLACE."""
        areas = None if self.areas is None else [_as_text(area) for area in self.areas]
        return {"scope_sees_cases": self.sees_cases, "scope_unit": self.unit, "scope_areas": areas}


EVERYTHING: Final = Scope()


def _as_text(area: Polygon) -> str:
    """A polygon as PostgreSQL writes it."""
    return "(" + ",".join(f"({lon!r},{lat!r})" for lon, lat in list(area.exterior.coords)[:-1]) + ")"
