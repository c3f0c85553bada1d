"""How sure a size is that several passes measured."""

import math
from collections.abc import Sequence
from statistics import median, stdev

_MEDIAN = math.sqrt(math.pi / 2)  # the error of a median to that of a mean


def size_and_sigma(measured: Sequence[float]) -> tuple[float, float | None]:
    """Median of at least one measurement and its standard error; one alone says nothing of its error.

    Source: Kenney and Keeping, Mathematics of Statistics, part 1, 3rd ed., section 14.4 (error of the median).
    """
    sigma = _MEDIAN * stdev(measured) / math.sqrt(len(measured)) if len(measured) > 1 else None
    return median(measured), sigma
