"""Errors of the vehicle, by what the caller can do."""

from wire.errors import BusenseError


class EdgeError(BusenseError):
    """Root of the vehicle's errors."""


class ConfigurationError(EdgeError):
    """Stop: a person must change the configuration."""


class SourceError(EdgeError):
    """Retry: a camera or receiver gives nothing (unplugged, unreadable file)."""


class ModelError(EdgeError):
    """Stop: the model's file and its manifest do not belong together."""


class ConnectionLostError(EdgeError):
    """Retry: the broker is not there, refuses, or does not answer."""


class PictureError(EdgeError):
    """Drop: a picture that cannot be read, or cannot be proven to be blurred."""


class OutboxError(EdgeError):
    """Stop: the outbox can neither be opened nor replaced, or its disk takes nothing more."""


class AboveHorizonError(EdgeError):
    """Drop: the ray through this pixel does not reach the road."""
