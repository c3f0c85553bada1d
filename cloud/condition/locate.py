"""From evidence to the segments that it speaks of."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from cloud.condition.evidence import CoveredStretch, FindingPlace
from cloud.condition.survey import SurveyedPart
from cloud.roads.matching import Matched, Position, Stay, match_place, stays
from cloud.roads.network import Network
from cloud.roads.plane import FlatMap, map_around


def locate_stretch(stretch: CoveredStretch, network: Network) -> dict[str, list[SurveyedPart]]:
    """Parts of segments that a bus looked at, by segment; stays in one direction are one part."""
    found: dict[tuple[str, int], Stay] = {}
    for stay in stays(positions_of(stretch), network):
        if stay.to_m > stay.from_m:
            key = stay.segment_id, stay.way
            found[key] = _joined(found[key], stay) if key in found else stay
    parts: dict[str, list[SurveyedPart]] = {}
    for stay in found.values():
        parts.setdefault(stay.segment_id, []).append(_part(stay, stretch))
    return parts


def locate_finding(place: FindingPlace, network: Network, *, at: datetime) -> Matched | None:
    """Find the segment on which a finding lies."""
    return match_place(
        Position(
            at=at,
            lon=place.lon,
            lat=place.lat,
            accuracy_m=place.position_sigma_m,
            heading_deg=place.heading_deg,
        ),
        network,
    )


def positions_of(stretch: CoveredStretch) -> list[Position]:
    """The stretch as a track: times by the way driven, headings by the line's course."""
    lon_lat = np.array(stretch.line)
    plane = map_around(lon_lat)
    metres = plane.to_metres(lon_lat)
    at_m = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(metres, axis=0).T))))
    duration = stretch.to_at - stretch.from_at
    shares = at_m / at_m[-1] if at_m[-1] > 0 else np.zeros(len(at_m))
    headings = course_deg(lon_lat.tolist(), plane)
    return [
        Position(
            at=stretch.from_at + timedelta(seconds=duration.total_seconds() * share),
            lon=lon,
            lat=lat,
            accuracy_m=stretch.accuracy_m,
            heading_deg=heading,
        )
        for (lon, lat), share, heading in zip(lon_lat.tolist(), shares.tolist(), headings, strict=True)
    ]


def course_deg(lon_lat: Sequence[Sequence[float]], plane: FlatMap) -> list[float | None]:
    """Heading at each place of a line: that of the piece behind it, none where the line stands still."""
    metres = plane.to_metres(np.array(lon_lat))
    pieces = [_heading(before, after) for before, after in pairwise(metres.tolist())]
    return [pieces[0], *pieces]


def _heading(before: Sequence[float], after: Sequence[float]) -> float | None:
    east_m, north_m = after[0] - before[0], after[1] - before[1]
    return None if east_m == north_m == 0 else float(np.degrees(np.arctan2(east_m, north_m))) % 360


def _joined(first: Stay, second: Stay) -> Stay:
    return Stay(
        segment_id=first.segment_id,
        way=first.way,
        from_m=min(first.from_m, second.from_m),
        to_m=max(first.to_m, second.to_m),
        from_at=min(first.from_at, second.from_at),
        to_at=max(first.to_at, second.to_at),
    )


def _part(stay: Stay, stretch: CoveredStretch) -> SurveyedPart:
    return SurveyedPart(
        device=stretch.device,
        from_at=stay.from_at,
        to_at=stay.to_at,
        from_m=stay.from_m,
        to_m=stay.to_m,
        direction=stay.way,
        left_m=stretch.left_m,
        right_m=stretch.right_m,
        usable_share=stretch.usable_share,
    )
