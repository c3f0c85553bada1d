"""Root of all errors, and those of the contract."""

from enum import StrEnum


class BusenseError(Exception):
    """Root of the tree. The message holds the value and the expectation."""


class WireError(BusenseError):
    """Something does not fit the contract."""


class TopicError(WireError):
    """A topic that is not ours."""


class ErrorModelError(WireError):
    """Stop: the measured error model of a detector cannot be used."""


class PackageError(WireError):
    """Refuse: a release for buses that is not signed by whom we trust, or is no package."""


class SigningError(WireError):
    """Stop: there is no key to sign with."""


class Reason(StrEnum):
    """Why a message could not be read; what the quarantine shows."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    BAD_ENVELOPE = "bad_envelope"
    UNKNOWN_TYPE = "unknown_type"
    BAD_DATA = "bad_data"
    WRONG_TOPIC = "wrong_topic"
    BAD_SIGNATURE = "bad_signature"


class DecodeError(WireError):
    """Quarantine: bytes that are no valid message."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """Keep the reason apart from the words."""
        self.reason = reason
        self.detail = "".join(letter if letter.isprintable() else "?" for letter in detail[:500])
        super().__init__(f"{reason.value}: {self.detail}")
