"""Errors of the vehicle, by what the caller can do."""

from wire.errors import BusenseError
from wire.messages import OutboxState


class EdgeError(BusenseError):
    """Root of the vehicle's errors."""


class ConfigurationError(EdgeError):
    """Stop: a person must change the configuration."""


class SourceError(EdgeError):
    """Retry: a camera or receiver gives nothing (unplugged, unreadable file)."""


class ModelError(EdgeError):
    """Stop: the model's file and its manifest do not belong together."""


class UpdateError(EdgeError):
    """Give up: what the cloud desires cannot be used; the words go to the cloud."""


class ConnectionLostError(EdgeError):
    """Retry: the broker is not there, refuses, or does not answer."""


class PictureError(EdgeError):
    """Drop: a picture that cannot be read, or cannot be proven to be blurred."""


class OutboxError(EdgeError):
    """Stop: another agent uses this outbox."""


class DiskRefusesError(EdgeError):
    """Go on in memory: the outbox's disk takes nothing now."""

    def __init__(self, state: OutboxState, detail: str) -> None:
        """Keep apart what the disk is, for `health`."""
        self.state = state
        super().__init__(f"the outbox cannot be read or written ({state.value}): {detail}")


class DamagedFileError(EdgeError):
    """Set aside: the outbox's file cannot be read any more."""


class AboveHorizonError(EdgeError):
    """Drop: the ray through this pixel does not reach the road."""
