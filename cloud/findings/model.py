"""What the fusion reads and what it decides."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class FindingState(StrEnum):
    """What the system believes of a finding."""

    CANDIDATE = "candidate"
    OPEN = "open"
    GONE = "gone"
    REJECTED = "rejected"


SHOWN: Final = tuple(state for state in FindingState if state is not FindingState.REJECTED)
"""States that are shown to who names none."""


class Severity(StrEnum):
    """How bad a damage is, lightest first."""

    LIGHT = "light"
    MEDIUM = "medium"
    HEAVY = "heavy"


class PassKind(StrEnum):
    """What one pass says of one finding."""

    SEEN = "seen"
    NOT_SEEN = "not_seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariance:
    """Of a place, in square metres, axes east and north."""

    east_m2: float
    east_north_m2: float
    north_m2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one pass saw, as far as the fusion needs it."""

    id: str
    id_at: datetime
    city: str
    device: str
    at: datetime  # exposure of the best frame; when the device's clock is not believed, when it was received
    from_at: datetime
    to_at: datetime
    class_code: str
    confidence: float
    lon: float
    lat: float
    along_m: float
    across_m: float
    heading_deg: float
    length_m: float | None = None
    width_m: float | None = None
    area_m2: float | None = None
    picture_sha256: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    quality: str | None = None  # of its pictures, as error models name it; none: nobody told, good
    box_side_px: float | None = None  # root of the box's area in the best frame ...
    distance_m: float | None = None  # ... at this distance
    shift_east_m: float = 0.0  # what its pass shares of the receiver's error, found from all that it saw ...
    shift_north_m: float = 0.0
    left_m: float | None = None  # ... and one sigma of what is left of that; none: nothing is known of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One covered stretch, seen from one finding."""

    coverage_id: str
    coverage_id_at: datetime
    city: str
    device: str
    from_at: datetime
    to_at: datetime
    heading_deg: float
    share: float  # how much of a perfect look it was, 0..1
    model_name: str | None = None
    model_version: str | None = None
    quality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One bus going by one finding: the best observation of it, or none."""

    city: str
    device: str
    at: datetime
    seen: Observation | None
    looked_share: float
    look: Look | None  # the best of its looks

    @property
    def quality(self) -> str | None:
        """Of its pictures."""
        of = self.seen or self.look
        return None if of is None else of.quality

    @property
    def kind(self) -> PassKind:
        """Whether it saw the finding."""
        return PassKind.NOT_SEEN if self.seen is None else PassKind.SEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class WeighedPass:
    """A pass with what it did to the belief."""

    taken: Pass
    probability_before: float
    probability_after: float
    hit: float  # rates that its evidence was weighed by
    false_alarm: float
    surer: float  # log of how much more usual its confidence is of damage than of nothing
    is_measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """What all passes together say."""

    class_code: str
    severity: Severity
    existence: float
    state: FindingState
    lon: float
    lat: float
    covariance: Covariance
    heading_deg: float
    length_m: float | None
    width_m: float | None
    area_m2: float | None
    first_seen_at: datetime
    last_seen_at: datetime
    picture_sha256: str | None
    passes: tuple[WeighedPass, ...]
