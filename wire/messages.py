"""The messages. A new version of one is a new type next to the old."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from wire.units import (
    Acceleration,
    Bytes,
    ClassCode,
    Count,
    EventId,
    Heading,
    Instant,
    Lat,
    Lon,
    Metres,
    Name,
    Offset,
    PictureQuality,
    Pixel,
    Position,
    Rssi,
    Seconds,
    Sequence,
    SequenceRange,
    Sha256,
    Share,
    Sigma,
    Slug,
    Speed,
    Temperature,
    Text,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blur:
    """How a picture was made safe to leave the bus."""

    detector: Name
    version: Name
    faces: Count
    plates: Count
    threshold: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureReference:
    """A picture that comes by HTTP PUT under its hash, before or after its message."""

    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=1, le=4_194_304)]
    media_type: Annotated[str, Field(pattern=r"^image/(jpeg|webp)$")]
    width_px: Annotated[int, Field(ge=16, le=8192)]
    height_px: Annotated[int, Field(ge=16, le=8192)]
    blur: Blur


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """Which model saw it."""

    name: Name
    version: Name
    sha256: Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One thing seen in one pass. `observed_at` is the exposure of the best frame."""

    class_code: ClassCode
    confidence: Share  # calibrated: the share of such observations that are right
    observed_at: Instant
    first_seen_at: Instant
    last_seen_at: Instant
    lon: Lon
    lat: Lat
    along_m: Sigma  # one sigma of the position along the heading
    across_m: Sigma  # one sigma across it
    heading_deg: Heading  # of the bus, clockwise from true north
    frames: Annotated[int, Field(ge=1, le=100_000)]
    box_xyxy_px: tuple[Pixel, Pixel, Pixel, Pixel]  # in the best frame
    frame_width_px: Annotated[int, Field(ge=16, le=8192)]
    frame_height_px: Annotated[int, Field(ge=16, le=8192)]
    camera_id: Name
    model: ModelVersion
    distance_m: Metres  # from the lens in the best frame
    length_m: Metres | None = None  # along the road
    width_m: Metres | None = None
    area_m2: Metres | None = None
    picture: PictureReference | None = None
    quality: PictureQuality | None = None  # of the best frame


class Unusable(StrEnum):
    """Why a frame could not be used."""

    DARK = "dark"
    BLURRED = "blurred"
    WET = "wet"
    GLARE = "glare"
    BLOCKED = "blocked"
    WRONG_VIEW = "wrong_view"
    TOO_FAST = "too_fast"
    NO_POSITION = "no_position"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A stretch that was looked at, about 100 m."""

    from_at: Instant
    to_at: Instant
    line: Annotated[tuple[Position, ...], Field(min_length=2, max_length=256)]
    heading_deg: Heading
    accuracy_m: Sigma
    frames: Count
    usable_share: Share
    unusable: Annotated[dict[Unusable, Count], Field(max_length=16)]
    near_m: Metres  # the road was visible from here ...
    far_m: Metres  # ... to here ahead of the bus
    left_m: Metres  # to this far left of the bus's path
    right_m: Metres
    camera_id: Name
    model: ModelVersion
    looked_for: Annotated[tuple[ClassCode, ...], Field(min_length=1, max_length=64)] | None = None
    # things of these classes; without it damage of the road
    quality: PictureQuality | None = None  # of most of the frames that could be used; without it good


class Fix(StrEnum):
    """How far a position can be trusted."""

    NONE = "none"
    GNSS = "gnss"
    DGNSS = "dgnss"
    RTK = "rtk"
    DEAD_RECKONING = "dead_reckoning"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPoint:
    """Where the bus was."""

    at: Instant
    lon: Lon
    lat: Lat
    accuracy_m: Sigma
    fix: Fix
    speed_mps: Speed | None = None
    heading_deg: Heading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Positions of 10 to 30 s."""

    points: Annotated[tuple[TrackPoint, ...], Field(min_length=1, max_length=120)]


class DrivingKind(StrEnum):
    """What happened at the wheel."""

    HARSH_BRAKING = "harsh_braking"
    HARSH_ACCELERATION = "harsh_acceleration"
    HARSH_CORNERING = "harsh_cornering"
    SPEEDING = "speeding"
    IDLING = "idling"  # standing with the power on
    LONG_DRIVING = "long_driving"  # without the rest that is due
    DOOR_OPEN = "door_open"  # while moving
    DROWSY = "drowsy"
    DISTRACTED = "distracted"
    PHONE = "phone"
    SMOKING = "smoking"
    DRIVER_ABNORMAL = "driver_abnormal"
    FORWARD_COLLISION = "forward_collision"
    PEDESTRIAN_COLLISION = "pedestrian_collision"
    TOO_CLOSE = "too_close"
    LANE_DEPARTURE = "lane_departure"
    LANE_CHANGES = "lane_changes"
    OBSTACLE = "obstacle"


class DrivingSensor(StrEnum):
    """What a driving event was noticed by."""

    IMU = "imu"
    GNSS = "gnss"  # differences of the receiver's speed and course
    CAMERA = "camera"
    TERMINAL = "terminal"  # somebody else's device in the bus says so


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionSample:
    """One line of a driving event's evidence."""

    at: Instant
    speed_mps: Speed
    forward_mps2: Acceleration
    right_mps2: Acceleration


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Seconds of the road around an event: a sheet of pictures of one size, row by row from the top left."""

    sheet: PictureReference
    columns: Annotated[int, Field(ge=1, le=20)]
    taken_at: Annotated[tuple[Instant, ...], Field(min_length=1, max_length=60)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Driving:
    """One driving event with its evidence window."""

    kind: DrivingKind
    from_at: Instant
    to_at: Instant
    lon: Lon
    lat: Lat
    peak_mps2: Acceleration  # forward, or to the right when cornering; 0 where the event is of another nature
    speed_mps: Speed  # as it began
    window: Annotated[tuple[MotionSample, ...], Field(max_length=200)]
    sensor: DrivingSensor | None = None
    limit_mps: Speed | None = None  # that was not kept
    level: Annotated[int, Field(ge=1, le=2)] | None = None  # of a terminal's alarm
    clip: Clip | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagHeard:
    """One tag, as one reader heard it over a short time."""

    rotating_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    first_at: Instant
    last_at: Instant
    heard: Annotated[int, Field(ge=1, le=100_000)]
    rssi_median_dbm: Rssi
    rssi_max_dbm: Rssi


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Tags that a reader heard, with the reader's place."""

    lon: Lon
    lat: Lat
    accuracy_m: Sigma
    tags: Annotated[tuple[TagHeard, ...], Field(min_length=1, max_length=200)]


class Quantity(StrEnum):
    """What a sensor of a stop measures, with the unit in which it is told."""

    WATER_LEVEL = "water_level_m"  # over the road's surface
    SOUND_LEVEL = "sound_level_dba"  # LAeq over the interval
    TEMPERATURE = "temperature_c"
    HUMIDITY = "humidity_percent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One value; `over_s` is the interval before `at` that it stands for."""

    sensor: Slug
    quantity: Quantity
    at: Instant
    value: Annotated[float, Field(ge=-1e4, le=1e4, allow_inf_nan=False)]
    over_s: Seconds
    readings: Annotated[int, Field(ge=1, le=1_000_000)]  # of the sensor, that it was made of


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What the sensors of a stop measured over a short time, with the stop's place."""

    lon: Lon
    lat: Lat
    values: Annotated[tuple[Measured, ...], Field(min_length=1, max_length=120)]


class CameraState(StrEnum):
    """What the camera does."""

    WORKING = "working"
    UNUSABLE = "unusable"
    MISSING = "missing"


class ClockSource(StrEnum):
    """Who set the device's clock."""

    NONE = "none"
    NTP = "ntp"
    GNSS = "gnss"


class Kind(StrEnum):
    """Kinds of message; the last level of the topic and the middle of the type."""

    DETECTION = "detection"
    COVERAGE = "coverage"
    TRACK = "track"
    DRIVING = "driving"
    SIGHTING = "sighting"
    MEASUREMENT = "measurement"
    HEALTH = "health"
    STATE = "state"
    TWIN_DESIRED = "twin_desired"
    TWIN_REPORTED = "twin_reported"
    STORED = "stored"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """Messages that will not come, from a full outbox or a damaged one: the cloud must not wait for them."""

    kind: Kind
    first: Sequence
    last: Sequence
    stream: EventId | None = None  # where it is not that of the message that tells it


class OutboxState(StrEnum):
    """Where a device keeps its messages: on its disk, or in memory because of what the disk is."""

    DISK = "disk"
    DISK_FULL = "disk_full"
    DISK_READ_ONLY = "disk_read_only"
    DISK_FAILING = "disk_failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowClass:
    """Boxes of one class: found by both models, by the one in use alone, by the new one alone."""

    agreeing: Count
    only_old: Count
    only_new: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    """What a new model saw beside the one in use, on a share of the frames; summed up since the agent began."""

    package: Sha256  # in which the new model came
    run: EventId  # of the agent that counts; another run counts anew
    model: ModelVersion  # the new one
    frames: Count  # that both looked at
    dropped: Count  # that the new one was not ready for
    failed: Count  # at which it failed
    old_s: Seconds  # that each took, on average over these frames
    new_s: Seconds
    classes: Annotated[dict[ClassCode, ShadowClass], Field(max_length=64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the device is, once a minute."""

    software: Name
    models: Annotated[tuple[ModelVersion, ...], Field(max_length=16)]
    outbox_depth: Count
    outbox_bytes: Bytes
    outbox_oldest_s: Seconds
    given_up: Annotated[tuple[GivenUp, ...], Field(max_length=256)]
    frames_per_s: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
    frames_dropped: Count
    pictures_waiting: Count
    camera: CameraState
    clock: ClockSource
    clock_offset_s: Offset | None = None
    temperature_c: Temperature | None = None
    disk_free_bytes: Bytes | None = None
    outbox: OutboxState | None = None
    outbox_damaged: Count | None = None  # files set aside since nobody could read them any more
    given_up_counts: Annotated[dict[Kind, Count], Field(max_length=16)] | None = None  # since the outbox was made
    pictures_given_up: Count | None = None
    clock_corrected_s: Offset | None = None  # what was added to the clock of the machine when a better one was known
    shadow: ShadowReport | None = None
    ble_heard: Count | None = None  # advertisements since the last report, of tags and else: the receiver works


class Presence(StrEnum):
    """Whether a device is there."""

    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """What a stop carries for buses, since its program began."""

    waiting: Count  # handed over, and not taken by the cloud's broker yet
    oldest_s: Seconds  # of these
    carried: Count
    refused: Count  # none of a bus


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Retained; the broker sends `offline` as last will."""

    presence: Presence
    since: Instant
    carrying: Carrying | None = None


Setting = Text | bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | Annotated[float, Field(allow_inf_nan=False)]
Settings = Annotated[dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")], Setting], Field(max_length=128)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinDesired:
    """Configuration as wanted; told again at each contact until a report has its version (not retained)."""

    version: Count
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinReported:
    """Configuration as it is (retained)."""

    version: Count
    settings: Settings
    problem: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The cloud's receipt: all up to `up_to` are stored, but for `missing`; the outbox deletes by it."""

    stream: EventId  # the outbox that numbered the messages
    up_to: Annotated[int, Field(ge=0, le=2**53 - 1)]
    missing: Annotated[tuple[SequenceRange, ...], Field(max_length=1024)]


class CommandKind(StrEnum):
    """What the cloud can ask of a vehicle."""

    SEND_PICTURE = "send_picture"
    INSPECT_PLACE = "inspect_place"
    RESTART = "restart"
    SEND_LOGS = "send_logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A request with an expiry."""

    kind: CommandKind
    expires_at: Instant
    sha256: Sha256 | None = None
    lon: Lon | None = None
    lat: Lat | None = None


Message = (
    Detection
    | Coverage
    | Track
    | Driving
    | Sighting
    | Measurement
    | Health
    | State
    | TwinDesired
    | TwinReported
    | Stored
    | Command
)

MESSAGE_OF_KIND: dict[Kind, type[Message]] = {
    Kind.DETECTION: Detection,
    Kind.COVERAGE: Coverage,
    Kind.TRACK: Track,
    Kind.DRIVING: Driving,
    Kind.SIGHTING: Sighting,
    Kind.MEASUREMENT: Measurement,
    Kind.HEALTH: Health,
    Kind.STATE: State,
    Kind.TWIN_DESIRED: TwinDesired,
    Kind.TWIN_REPORTED: TwinReported,
    Kind.STORED: Stored,
    Kind.COMMAND: Command,
}
KIND_OF_MESSAGE: dict[type[Message], Kind] = {message: kind for kind, message in MESSAGE_OF_KIND.items()}

COUNTED_KINDS = frozenset(
    {Kind.DETECTION, Kind.COVERAGE, Kind.TRACK, Kind.DRIVING, Kind.SIGHTING, Kind.MEASUREMENT, Kind.HEALTH}
)
"""Kinds that go through the outbox: they carry `stream` and `sequence` and are receipted."""


def picture_of(message: Message) -> PictureReference | None:
    """The picture that a message speaks of."""
    match message:
        case Detection():
            return message.picture
        case Driving():
            return None if message.clip is None else message.clip.sheet
        case _:
            return None
