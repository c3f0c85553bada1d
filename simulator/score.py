"""What the system made of the truth: found, missed, invented, doubled, and how far off. Pure."""

import math
import statistics
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from simulator.plane import Plane, distance_m
from simulator.truth import LOOKALIKES, Defect, Truth, Unlabelled

GATE_M = 8.0  # a finding farther from a defect than this does not mean it


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A finding as the API gives it, as far as the score needs it."""

    id: str
    class_code: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How claims and truth agree. Ids are sorted."""

    exposed: int  # defects that a camera really showed
    found: tuple[tuple[str, str, float], ...]  # (defect, claim, metres apart)
    missed: tuple[str, ...]  # defects
    invented: tuple[str, ...]  # claims
    doubled: tuple[str, ...]  # claims

    @property
    def median_distance_m(self) -> float | None:
        """Median distance of what was found from its defect."""
        return statistics.median(metres for _, _, metres in self.found) if self.found else None


def score_claims(
    claims: Sequence[Claim],
    *,
    truth: Truth,
    exposed_ids: AbstractSet[str],
    group_of: Mapping[str, str],
    plane: Plane,
) -> Score:
    """Pair claims with defects of the same class group, nearest first, each at most once.

    A claim that lies nearer to what only looks like damage of its class means that, and no defect. One near a defect
    that another claim has already taken is doubled. A claim near nothing is invented, unless its class is unlabelled
    there. Defects that no camera showed cannot be missed, but a claim may mean one. A class code
    that `group_of` does not know is its own group.
    """
    taken_for = [replace(each, class_code=LOOKALIKES[each.class_code]) for each in truth.lookalikes]
    fooled = sorted(_pairs(claims, taken_for, group_of=group_of, plane=plane), reverse=True)
    fooled_m = {claim_id: metres for metres, _, claim_id in fooled}  # the nearest stands last
    pairs = [
        pair
        for pair in sorted(_pairs(claims, truth.defects, group_of=group_of, plane=plane))
        if pair[0] <= fooled_m.get(pair[2], math.inf)
    ]
    taken: dict[str, tuple[str, float]] = {}
    used: set[str] = set()
    for metres, defect_id, claim_id in pairs:
        if defect_id not in taken and claim_id not in used:
            taken[defect_id] = claim_id, metres
            used.add(claim_id)
    near = {claim_id for _, _, claim_id in pairs}
    spare = [claim for claim in claims if claim.id not in used]
    return Score(
        exposed=len(exposed_ids),
        found=tuple(sorted((d, c, metres) for d, (c, metres) in taken.items() if d in exposed_ids)),
        missed=tuple(sorted(exposed_ids - taken.keys())),
        invented=tuple(
            sorted(c.id for c in spare if c.id not in near and not _is_unlabelled(c, truth.unlabelled, plane))
        ),
        doubled=tuple(sorted(claim.id for claim in spare if claim.id in near)),
    )


def _pairs(
    claims: Sequence[Claim], defects: Sequence[Defect], *, group_of: Mapping[str, str], plane: Plane
) -> list[tuple[float, str, str]]:
    """Metres, defect and claim of every pair that may belong together."""
    pairs: list[tuple[float, str, str]] = []
    for claim in claims:
        group, spot = group_of.get(claim.class_code, claim.class_code), plane.spot(lon=claim.lon, lat=claim.lat)
        for defect in defects:
            if group_of.get(defect.class_code, defect.class_code) != group:
                continue
            metres = distance_m(spot, plane.spot(lon=defect.lon, lat=defect.lat))
            if metres <= GATE_M:
                pairs.append((metres, defect.id, claim.id))
    return pairs


def _is_unlabelled(claim: Claim, stretches: Sequence[Unlabelled], plane: Plane) -> bool:
    spot = plane.spot(lon=claim.lon, lat=claim.lat)
    return any(
        claim.class_code in stretch.class_codes
        and distance_m(spot, plane.spot(lon=stretch.lon, lat=stretch.lat)) <= stretch.radius_m
        for stretch in stretches
    )
