"""How a size changes over time: a straight line through what the passes measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

LEAST: Final = 5  # measurements; fewer make no line
YEAR_S: Final = 365.25 * 86_400
LEAST_SPAN_S: Final = 7 * 86_400  # within a week nothing grows that could be told from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Size at the last measurement and growth, each with one sigma."""

    now: float
    sigma: float
    per_year: float
    per_year_sigma: float
    of: int


def trend(measured: Sequence[tuple[datetime, float]]) -> Trend | None:
    """Least squares; none for too few measurements or too short a time.

    Source: Draper and Smith, Applied Regression Analysis, 3rd ed., section 1.4 (variances of slope and mean response).
    """
    ordered = sorted(measured)
    if len(ordered) < LEAST or (ordered[-1][0] - ordered[0][0]).total_seconds() < LEAST_SPAN_S:
        return None
    last_at = ordered[-1][0]
    years = np.array([(at - last_at).total_seconds() / YEAR_S for at, _ in ordered])
    sizes = np.array([size for _, size in ordered])
    spread = float(((years - years.mean()) ** 2).sum())
    slope = float(((years - years.mean()) * sizes).sum()) / spread
    now = float(sizes.mean()) - slope * float(years.mean())
    left = float(((sizes - now - slope * years) ** 2).sum()) / (len(ordered) - 2)
    return Trend(
        now=max(now, 0.0),
        sigma=float(np.sqrt(left * (1 / len(ordered) + float(years.mean()) ** 2 / spread))),
        per_year=slope,
        per_year_sigma=float(np.sqrt(left / spread)),
        of=len(ordered),
    )
