"""Errors of the simulator."""

from wire.errors import BusenseError


class SimulatorError(BusenseError):
    """Stop: the simulation cannot go on as it was asked for."""


class FramesError(SimulatorError):
    """Stop: a folder of photos that cannot be used."""


class SecretError(SimulatorError):
    """Stop: a file that holds no password or token."""


class NetworkError(SimulatorError):
    """Stop: roads or a timetable that cannot be used."""


class LedgerError(SimulatorError):
    """Stop: a file of what was true and what was claimed that cannot be read."""


class ScenarioError(SimulatorError):
    """Stop: a scenario file that is wrong; the message names its line."""


class RecordingError(SimulatorError):
    """Stop: a file of messages that cannot be read."""


class PublishError(SimulatorError):
    """Stop: the broker does not take what is published."""
