"""Errors of the command itself and of running everything on one machine."""

from wire.errors import BusenseError


class StartError(BusenseError):
    """A program of ours did not start; the message holds the end of its log."""


class MissingExtraError(BusenseError):
    """A command needs a part of busense that is not installed."""


class NotForProductionError(BusenseError):
    """A configuration that a county must not depend on."""


class NotReadyError(BusenseError):
    """A process that is asked lacks something, or does not answer."""
