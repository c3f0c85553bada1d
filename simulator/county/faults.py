"""What a scenario says goes wrong, asked for many buses at once."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from simulator.county.scenario import Fault, Scenario

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]

Kind = Literal["breakdown", "dirty_pane", "bad_receiver", "offline"]
DAY_S: Final = 86_400.0


class Faults:
    """Which buses of a county have which fault when; the same for the same seed."""

    def __init__(self, scenario: Scenario) -> None:
        """Draw the buses of each fault."""
        seed, buses = scenario.county.seed, scenario.county.buses
        self._faults = [
            (fault, np.random.default_rng((seed, 17, number)).random(buses) < fault.share)
            for number, fault in enumerate(scenario.fault)
        ]

    def has(self, kind: Kind, buses: Indices, *, at_s: float) -> Bools:
        """Which of some buses have a fault of a kind."""
        return self._strength(kind, buses, at_s=at_s, healthy=0.0) > 0

    def dirt(self, buses: Indices, *, at_s: float) -> Floats:
        """Share of their frames that a dirty pane spoils."""
        return self._strength("dirty_pane", buses, at_s=at_s, healthy=0.0)

    def receiver(self, buses: Indices, *, at_s: float) -> Floats:
        """How many times as far off as usual their receivers are."""
        return self._strength("bad_receiver", buses, at_s=at_s, healthy=1.0)

    def _strength(self, kind: Kind, buses: Indices, *, at_s: float, healthy: float) -> Floats:
        """The strongest of the faults of a kind that last."""
        strength = np.full(len(buses), healthy)
        for fault, has_it in self._faults:
            if fault.kind == kind and _lasts(fault, at_s):
                strength = np.where(has_it[buses], np.maximum(strength, fault.strength), strength)
        return strength


def _lasts(fault: Fault, at_s: float) -> bool:
    return fault.from_day * DAY_S <= at_s < fault.to_day * DAY_S
