"""What all passes together say of one finding. Computed anew from its evidence, so that no order of arrival matters."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from statistics import median
from typing import Final

import numpy as np

from cloud.findings.catalogue import Catalogue, DamageClass, Policy
from cloud.findings.geometry import (
    Floats,
    Matrices,
    Matrix,
    Vector,
    Vectors,
    covariances_of,
    from_matrix,
    offset_m,
    place_at,
)
from cloud.findings.model import Covariance, FindingState, Fused, Look, Observation, Pass, Severity, WeighedPass
from cloud.findings.passes import passes_of
from cloud.findings.rates import ASSUMED, PassRates, RateBook, size_of
from cloud.findings.shared import without_shared
from wire.looks import logit

MAX_LOG_ODDS: Final = 4.6  # 0.99: no number of sightings makes a damage so sure that a repair goes unnoticed
MIN_SIGMA_M: Final = 0.5  # of one pass; a smaller one would outvote all others
COMMON_SIGMA_M: Final = 0.5  # what all passes at one place share (reflections, map of the sky), never averaged away
HUBER_SIGMAS: Final = 1.5
HUBER_ROUNDS: Final = 3
PRIOR_M: Final = 10.0  # of road, for which a class's prior stands
FARTHEST_2: Final = 30.0  # squared sigmas; beyond, a sighting says nothing anyway
RECENT_PASSES: Final = 10  # damage grows: class and size are those of late


def fuse(
    observations: Sequence[Observation], looks: Sequence[Look], *, catalogue: Catalogue, book: RateBook = ASSUMED
) -> Fused:
    """Fuse the evidence of one finding.

    Looks that ended before the first sighting do not count: damage appears, and the prior stands for that time.
    `observations` holds at least one, of classes that the catalogue knows.
    """
    first_seen_at = min(observation.from_at for observation in observations)
    passes = passes_of(observations, [look for look in looks if look.to_at >= first_seen_at])
    seen = tuple(taken.seen for taken in passes if taken.seen is not None)
    class_code = class_of(seen[-RECENT_PASSES:])
    entry = catalogue.classes[class_code]
    rates = _Rates(book=book, catalogue=catalogue, class_code=class_code, seen=seen)
    weighed, state = weigh(passes, rates=rates, prior=entry.prior, policy=catalogue.policy)
    lon, lat, covariance = position_of(seen)
    sizes = {name: _size(seen[-RECENT_PASSES:], name) for name in ("length_m", "width_m", "area_m2")}
    return Fused(
        class_code=class_code,
        severity=_severity(entry, sizes),
        existence=weighed[-1].probability_after,
        state=state,
        lon=lon,
        lat=lat,
        covariance=covariance,
        heading_deg=seen[0].heading_deg,
        length_m=sizes["length_m"],
        width_m=sizes["width_m"],
        area_m2=sizes["area_m2"],
        first_seen_at=min(observation.at for observation in observations),
        last_seen_at=max(observation.at for observation in observations),
        picture_sha256=_best_picture(seen),
        passes=tuple(weighed),
    )


class _Rates:
    """Rates of each pass by one finding."""

    def __init__(self, *, book: RateBook, catalogue: Catalogue, class_code: str, seen: tuple[Observation, ...]) -> None:
        self._book, self._catalogue, self._class_code = book, catalogue, class_code
        self._size = size_of(seen)
        self._reach_m = reaches_of(seen)

    def __call__(self, taken: Pass) -> PassRates:
        of = taken.seen or taken.look
        if of is None:
            raise ValueError("a pass is a sighting or a look")
        reach_m = self._reach_m[taken.seen.id] if taken.seen else PRIOR_M
        return self._book.rates(self._catalogue, self._class_code, of, reach_m=reach_m, size=self._size)


def weigh(
    passes: Sequence[Pass], *, rates: Callable[[Pass], PassRates], prior: float, policy: Policy
) -> tuple[list[WeighedPass], FindingState]:
    """Update the belief pass by pass, in order of time."""
    log_odds, state = logit(prior), FindingState.CANDIDATE
    weighed: list[WeighedPass] = []
    sightings = 0
    for taken in passes:
        of_pass = rates(taken)
        before = _probability(log_odds)
        log_odds = _clamped(log_odds + evidence_of(taken, rates=of_pass))
        after = _probability(log_odds)
        sightings += taken.seen is not None
        state = _next_state(
            state, probability=after, sightings=sightings, is_seen=taken.seen is not None, policy=policy
        )
        weighed.append(
            WeighedPass(
                taken=taken,
                probability_before=before,
                probability_after=after,
                hit=of_pass.hit,
                false_alarm=of_pass.false_alarm,
                surer=of_pass.surer,
                is_measured=of_pass.is_measured,
            )
        )
    return weighed, state


def evidence_of(taken: Pass, *, rates: PassRates) -> float:
    """Logarithm of how much more likely the pass is if the damage exists."""
    return rates.log_ratio_missed(taken.looked_share) if taken.seen is None else rates.log_ratio_seen


# A group is fused twice, when it is found and with all looks at it; both times it stands where it stands.
@lru_cache(maxsize=256)
def position_of(seen: tuple[Observation, ...]) -> tuple[float, float, Covariance]:
    """Lon, lat and covariance by inverse-variance weights; errors of different passes are independent.

    What a pass is known to share of the receiver's error is taken off first; how sure the place is on the earth, not
    only among its neighbours, is still told by the receivers. A sighting that lies far off (a reflection shifted the
    receiver) weighs less: Huber's weights, a few rounds.
    Source: Huber, Robust estimation of a location parameter, 1964.
    """
    first = seen[0]
    offsets, spreads = _placed(seen)
    weights = _inverse(spreads)
    trusts: Floats = np.ones(len(seen))
    middle, _ = _weighted(offsets, weights, trusts)
    for _ in range(HUBER_ROUNDS if len(seen) > 2 else 0):  # noqa: PLR2004 - of two nobody knows which is wrong
        away = np.sqrt(_squared(offsets - middle, weights))
        trusts = HUBER_SIGMAS / np.maximum(away, HUBER_SIGMAS)
        middle, _ = _weighted(offsets, weights, trusts)
    lon, lat = place_at(middle, origin_lon=first.lon, origin_lat=first.lat)
    _, spread = _weighted(offsets, _inverse(_spreads(seen)), trusts)
    return lon, lat, from_matrix(spread + COMMON_SIGMA_M**2 * np.eye(2))


@lru_cache(maxsize=256)
def reaches_of(seen: tuple[Observation, ...]) -> Mapping[str, float]:
    """By id, the length of road on which a false alarm speaks for the finding as this sighting does.

    It is the inverse of how densely sightings of the thing lie where this one lies, by what all others say: the nearer
    and the surer, the shorter. The first sighting says where the thing is, wherever that may be.
    """
    if len(seen) <= 1:
        return {item.id: PRIOR_M for item in seen}
    offsets, spreads = _placed(seen)
    weights = _inverse(spreads)
    pulls = np.einsum("nij,nj->ni", weights, offsets)
    others = _inverse((weights.sum(axis=0) - weights)[1:])
    away = offsets[1:] - np.einsum("nij,nj->ni", others, (pulls.sum(axis=0) - pulls)[1:])
    both = spreads[1:] + others
    distances_2 = np.minimum(_squared(away, _inverse(both)), FARTHEST_2)
    headings = np.radians([item.heading_deg for item in seen[1:]])
    ahead = np.stack([np.sin(headings), np.cos(headings)], axis=1)
    reaches = np.sqrt(2 * np.pi * _squared(ahead, both)) * np.exp(distances_2 / 2)
    return {seen[0].id: PRIOR_M} | {item.id: float(reach) for item, reach in zip(seen[1:], reaches, strict=True)}


def _placed(seen: Sequence[Observation]) -> tuple[Vectors, Matrices]:
    """Metres from the first sighting, and covariances, without what each pass shares."""
    own = [without_shared(item) for item in seen]
    lon, lat = seen[0].lon, seen[0].lat
    offsets = [offset_m(lon=item.lon, lat=item.lat, origin_lon=lon, origin_lat=lat) for item in own]
    return np.array(offsets), _spreads(own)


def _weighted(offsets: Vectors, weights: Matrices, trusts: Floats) -> tuple[Vector, Matrix]:
    spread = _inverse(np.einsum("n,nij->ij", trusts, weights))
    return spread @ np.einsum("n,nij,nj->i", trusts, weights, offsets), spread


def _squared(vectors: Vectors, matrices: Matrices) -> Floats:
    return np.einsum("ni,nij,nj->n", vectors, matrices, vectors)


def _inverse(matrices: Matrices) -> Matrices:
    return np.linalg.inv(matrices).astype(np.float64)


def _spreads(observations: Sequence[Observation]) -> Matrices:
    return covariances_of(
        along_m=np.maximum([item.along_m for item in observations], MIN_SIGMA_M),
        across_m=np.maximum([item.across_m for item in observations], MIN_SIGMA_M),
        heading_deg=np.array([item.heading_deg for item in observations]),
    )


def class_of(seen: Sequence[Observation]) -> str:
    votes: defaultdict[str, float] = defaultdict(float)
    for observation in seen:
        votes[observation.class_code] += observation.confidence
    return max(sorted(votes), key=lambda code: votes[code])


def _size(seen: Sequence[Observation], name: str) -> float | None:
    sizes = [size for observation in seen if (size := getattr(observation, name)) is not None]
    return median(sizes) if sizes else None


def _severity(entry: DamageClass, sizes: dict[str, float | None]) -> Severity:
    return entry.severity.severity_of(sizes[entry.severity.measure])


def _best_picture(seen: Sequence[Observation]) -> str | None:
    shown = [observation for observation in seen if observation.picture_sha256 is not None]
    return max(shown, key=lambda item: (item.confidence, item.at)).picture_sha256 if shown else None


def _next_state(
    state: FindingState, *, probability: float, sightings: int, is_seen: bool, policy: Policy
) -> FindingState:
    """One pass makes no fact, however sure it is; and what was believed is doubted when it is rather not there."""
    if probability < policy.gone_below:
        return FindingState.GONE
    if probability >= policy.open_above and sightings >= policy.open_passes:
        return FindingState.OPEN
    if state is FindingState.GONE:
        return FindingState.CANDIDATE if is_seen else FindingState.GONE
    return FindingState.CANDIDATE if probability < policy.doubt_below else state


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _clamped(log_odds: float) -> float:
    return max(-MAX_LOG_ODDS, min(MAX_LOG_ODDS, log_odds))
