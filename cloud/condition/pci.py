"""The pavement condition index of JTG 5210-2018 (highways), as far as its formula goes.

The standard was not read in full: what comes out is an estimate.
"""

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud.roads.model import Surface

_COEFFICIENTS: Final[dict[Surface, tuple[float, float]]] = {"asphalt": (15.0, 0.412), "concrete": (10.66, 0.461)}


class Grade(StrEnum):
    """What a condition is called, best first."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    BAD = "bad"
    UNKNOWN = "unknown"


FROM_PCI: Final = ((Grade.EXCELLENT, 90.0), (Grade.GOOD, 80.0), (Grade.FAIR, 70.0), (Grade.POOR, 60.0))


def pci_of(damage_ratio_percent: NDArray[np.float64], surface: Surface = "asphalt") -> NDArray[np.float64]:
    """Index from the damage ratio DR: weighted damaged area in percent of the whole.

    Source: JTG 5210-2018, PCI = 100 - a0 * DR^a1, clamped to 0..100.
    """
    factor, power = _COEFFICIENTS[surface]
    return np.clip(100 - factor * np.power(np.maximum(damage_ratio_percent, 0.0), power), 0.0, 100.0)


def grade_of(pci: float | None) -> Grade:
    """Grade of an index; unknown without one."""
    if pci is None:
        return Grade.UNKNOWN
    return next((grade for grade, from_pci in FROM_PCI if pci >= from_pci), Grade.BAD)
