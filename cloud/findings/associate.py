"""Which finding a bus saw: all that one pass saw is matched at once.

Heading: damage has none, but a bus drives in its own lane, so a sighting from the opposite direction may be of the
other lane. It joins a finding only where both positions agree more closely (`gate_opposite`, with its measurement in
the catalogue).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # pyright: ignore[reportUnknownVariableType]

from cloud.findings.catalogue import Catalogue
from cloud.findings.decisions import NOTHING_DECIDED, Decisions
from cloud.findings.geometry import angle_between_deg, mahalanobis_2, offset_m, spread_of
from cloud.findings.model import Covariance, Observation
from cloud.findings.passes import SAME_DIRECTION_DEG

MAX_REACH_M: Final = 60.0  # no match is farther, however unsure both positions are
_MAX_HALF_LENGTH_M: Final = 4.0
_FAR: Final = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A finding as it stands before the pass, with what this pass already said of it."""

    id: str
    class_code: str
    lon: float
    lat: float
    covariance: Covariance
    heading_deg: float
    seen_by_pass: tuple[Observation, ...] = ()
    other_headings_deg: tuple[float, ...] = ()  # of later passes that saw it
    never: frozenset[str] = frozenset()  # observations that a person said are of something else

    def is_seen_from(self, heading_deg: float) -> bool:
        """Whether a bus in about this direction saw it before."""
        headings = (self.heading_deg, *self.other_headings_deg)
        return any(angle_between_deg(heading_deg, known) <= SAME_DIRECTION_DEG for known in headings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Observations of one thing in one pass, and the finding it is; none means a new one."""

    observations: tuple[Observation, ...]
    finding_id: str | None


def associate(
    observations: Sequence[Observation],
    known: Sequence[Known],
    *,
    catalogue: Catalogue,
    decisions: Decisions = NOTHING_DECIDED,
) -> list[Match]:
    """Match what one pass saw with the findings nearby; each finding takes at most one thing."""
    things = _things(observations, catalogue=catalogue, decisions=decisions)
    matches = [Match(observations=thing, finding_id=_broken_track_of(thing, known, catalogue)) for thing in things]
    rest = [match.observations for match in matches if match.finding_id is None]
    free = [finding for finding in known if not finding.seen_by_pass]
    assigned = starmap(_match, zip(rest, _assign(rest, free, catalogue), strict=True))
    return [match for match in matches if match.finding_id is not None] + list(assigned)


def distance_2(observation: Observation, finding: Known, *, catalogue: Catalogue) -> float | None:
    """Squared Mahalanobis distance with the class penalty; none beyond the gate."""
    if catalogue.group_of(observation.class_code) != catalogue.group_of(finding.class_code):
        return None
    east_m, north_m = offset_m(lon=observation.lon, lat=observation.lat, origin_lon=finding.lon, origin_lat=finding.lat)
    if math.hypot(east_m, north_m) > MAX_REACH_M:
        return None
    spread = spread_of(along_m=observation.along_m, across_m=observation.across_m, heading_deg=observation.heading_deg)
    distance = mahalanobis_2(east_m, north_m, finding.covariance, spread)
    distance += catalogue.class_penalty(observation.class_code, finding.class_code)
    return distance if distance <= _gate(observation, finding, catalogue) else None


def is_one_thing(first: Observation, second: Observation, catalogue: Catalogue) -> bool:
    """Whether two sightings of one pass are of one thing whose track broke."""
    offset = offset_m(lon=first.lon, lat=first.lat, origin_lon=second.lon, origin_lat=second.lat)
    half_length_m = min(max(first.length_m or 0.0, second.length_m or 0.0) / 2, _MAX_HALF_LENGTH_M)
    is_near = math.hypot(*offset) <= max(catalogue.association.same_pass_m, half_length_m)
    return is_near and catalogue.group_of(first.class_code) == catalogue.group_of(second.class_code)


def _gate(observation: Observation, finding: Known, catalogue: Catalogue) -> float:
    rules = catalogue.association
    return rules.gate if finding.is_seen_from(observation.heading_deg) else rules.gate_opposite


def _things(
    observations: Sequence[Observation], *, catalogue: Catalogue, decisions: Decisions
) -> list[tuple[Observation, ...]]:
    """Join observations whose track broke; within a pass the GNSS error is common, so metres are enough."""
    things: list[list[Observation]] = []
    for observation in sorted(observations, key=lambda item: (-item.confidence, item.id)):
        mine = next(
            (
                thing
                for thing in things
                if is_one_thing(observation, thing[0], catalogue)
                and not decisions.are_apart(observation.id, thing[0].id)
            ),
            None,
        )
        if mine is None:
            things.append([observation])
        else:
            mine.append(observation)
    return [tuple(thing) for thing in things]


def _broken_track_of(thing: tuple[Observation, ...], known: Sequence[Known], catalogue: Catalogue) -> str | None:
    """Finding that this pass already saw at this very place."""
    return next(
        (
            finding.id
            for finding in known
            if _may_be(thing, finding)
            and any(is_one_thing(thing[0], earlier, catalogue) for earlier in finding.seen_by_pass)
        ),
        None,
    )


def _may_be(thing: tuple[Observation, ...], finding: Known) -> bool:
    return not any(item.id in finding.never for item in thing)


def _match(thing: tuple[Observation, ...], finding_id: str | None) -> Match:
    return Match(observations=thing, finding_id=finding_id)


def _assign(
    things: Sequence[tuple[Observation, ...]], known: Sequence[Known], catalogue: Catalogue
) -> list[str | None]:
    """Cheapest one-to-one assignment in which staying alone costs as much as the gate."""
    if not things or not known:
        return [None] * len(things)
    costs = _costs(things, known, catalogue)
    alone = np.full((len(things), len(things)), _FAR)
    np.fill_diagonal(alone, catalogue.association.gate)
    columns = _cheapest_columns(np.hstack([costs, alone]))
    return [known[column].id if column < len(known) else None for column in columns]


def _cheapest_columns(costs: NDArray[np.float64]) -> list[int]:
    """Column of each row; scipy has no types for it."""
    columns = cast("NDArray[np.int64]", linear_sum_assignment(costs)[1])
    return columns.tolist()


def _costs(
    things: Sequence[tuple[Observation, ...]], known: Sequence[Known], catalogue: Catalogue
) -> NDArray[np.float64]:
    costs = np.full((len(things), len(known)), _FAR)
    for row, thing in enumerate(things):
        for column, finding in enumerate(known):
            distance = distance_2(thing[0], finding, catalogue=catalogue) if _may_be(thing, finding) else None
            if distance is not None:
                costs[row, column] = distance
    return costs
