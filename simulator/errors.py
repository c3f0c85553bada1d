"""Errors of the simulator."""

from wire.errors import BusenseError


class SimulatorError(BusenseError):
    """Stop: the simulation cannot go on as it was asked for."""


class FramesError(SimulatorError):
    """Stop: a folder of photos that cannot be used."""
