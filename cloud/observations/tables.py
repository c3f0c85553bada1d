"""How each kind of message becomes rows: the columns of its table, and the values in their order."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final, cast

import h3
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from cloud.observations.received import Received
from wire.messages import Clip, Coverage, Detection, Driving, Health, Kind, Measurement, MotionSample, Sighting, Track

Values = tuple[object, ...]

CELL_RESOLUTION: Final = 9  # edges of about 200 m

_CLIP: Final = TypeAdapter(Clip)
_MOTION: Final = TypeAdapter(tuple[MotionSample, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    name: str
    columns: Mapping[str, str]  # name to type, in the order of the values
    rows: Callable[[Received], Iterable[Values]]


def _columns(text: str) -> dict[str, str]:
    pairs = (line.split() for line in text.strip().splitlines())
    return {name: kind for kind, *names in pairs for name in names}


def cell_of(*, lon: float, lat: float) -> str:
    """H3 cell of a place."""
    return str(h3.latlng_to_cell(lat, lon, CELL_RESOLUTION))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


_COMMON: Final = _columns("""
uuid id
timestamptz id_at
text city device
uuid stream
int8 sequence
timestamptz received_at
text clock_mark
""")


def _common(received: Received) -> Values:
    envelope = received.envelope
    return (
        envelope.id,
        received.id_at,
        received.city,
        received.device,
        envelope.stream,
        envelope.sequence,
        received.received_at,
        received.clock_mark,
    )


_OBSERVATION_COLUMNS: Final = _COMMON | _columns("""
timestamptz observed_at first_seen_at last_seen_at
text class_code
float8 confidence lon lat along_m across_m heading_deg
int4 frames
float4[] box_xyxy_px
int4 frame_width_px frame_height_px
text camera_id model_name model_version model_sha256
float8 distance_m length_m width_m area_m2
text picture_sha256 cell quality
""")


def _observation_rows(received: Received) -> Iterable[Values]:
    seen = cast("Detection", received.envelope.data)
    yield (
        *_common(received),
        *(seen.observed_at, seen.first_seen_at, seen.last_seen_at),
        seen.class_code,
        *(seen.confidence, seen.lon, seen.lat, seen.along_m, seen.across_m, seen.heading_deg),
        seen.frames,
        seen.box_xyxy_px,
        *(seen.frame_width_px, seen.frame_height_px),
        *(seen.camera_id, seen.model.name, seen.model.version, seen.model.sha256),
        *(seen.distance_m, seen.length_m, seen.width_m, seen.area_m2),
        seen.picture.sha256 if seen.picture is not None else None,
        cell_of(lon=seen.lon, lat=seen.lat),
        seen.quality,
    )


_COVERAGE_COLUMNS: Final = _COMMON | _columns("""
timestamptz from_at to_at
jsonb line
float8 heading_deg accuracy_m
int4 frames
float8 usable_share
jsonb unusable
float8 near_m far_m left_m right_m
text camera_id model_name model_version cell
text[] looked_for
text quality
""")


def _coverage_rows(received: Received) -> Iterable[Values]:
    stretch = cast("Coverage", received.envelope.data)
    middle_lon, middle_lat = stretch.line[len(stretch.line) // 2]
    yield (
        *_common(received),
        *(stretch.from_at, stretch.to_at),
        Jsonb(stretch.line),
        *(stretch.heading_deg, stretch.accuracy_m),
        stretch.frames,
        stretch.usable_share,
        Jsonb(stretch.unusable),
        *(stretch.near_m, stretch.far_m, stretch.left_m, stretch.right_m),
        *(stretch.camera_id, stretch.model.name, stretch.model.version),
        cell_of(lon=middle_lon, lat=middle_lat),
        None if stretch.looked_for is None else list(stretch.looked_for),
        stretch.quality,
    )


_TRACK_COLUMNS: Final = _COMMON | _columns("""
int2 number
timestamptz at
float8 lon lat accuracy_m
text fix
float8 speed_mps heading_deg
""")


def _track_rows(received: Received) -> Iterable[Values]:
    common = _common(received)
    for number, point in enumerate(cast("Track", received.envelope.data).points):
        place = (point.lon, point.lat, point.accuracy_m)
        yield (*common, number, point.at, *place, point.fix.value, point.speed_mps, point.heading_deg)


_DRIVING_COLUMNS: Final = _COMMON | _columns("""
text kind
timestamptz from_at to_at
float8 lon lat peak_mps2 speed_mps
jsonb evidence
text sensor
float8 limit_mps
int2 level
jsonb clip
""")


def _driving_rows(received: Received) -> Iterable[Values]:
    event = cast("Driving", received.envelope.data)
    evidence = Jsonb(_MOTION.dump_python(event.window, mode="json"))
    times = (event.from_at, event.to_at)
    yield (
        *(*_common(received), event.kind.value, *times),
        *(event.lon, event.lat, event.peak_mps2, event.speed_mps, evidence),
        *(None if event.sensor is None else event.sensor.value, event.limit_mps, event.level),
        None if event.clip is None else Jsonb(_CLIP.dump_python(event.clip, mode="json")),
    )


_SIGHTING_COLUMNS: Final = _COMMON | _columns("""
int2 number
float8 lon lat accuracy_m
text rotating_id
timestamptz first_at last_at
int4 heard
int2 rssi_median_dbm rssi_max_dbm
""")


def _sighting_rows(received: Received) -> Iterable[Values]:
    sighting = cast("Sighting", received.envelope.data)
    common, place = _common(received), (sighting.lon, sighting.lat, sighting.accuracy_m)
    for number, tag in enumerate(sighting.tags):
        strength = (tag.heard, tag.rssi_median_dbm, tag.rssi_max_dbm)
        yield (*common, number, *place, tag.rotating_id, tag.first_at, tag.last_at, *strength)


_MEASUREMENT_COLUMNS: Final = _COMMON | _columns("""
int2 number
float8 lon lat
text sensor quantity
timestamptz at
float8 over_s value
int4 readings
""")


def _measurement_rows(received: Received) -> Iterable[Values]:
    message = cast("Measurement", received.envelope.data)
    common = _common(received)
    for number, each in enumerate(message.values):
        what = (each.sensor, each.quantity.value, each.at, each.over_s, each.value, each.readings)
        yield (*common, number, message.lon, message.lat, *what)


_HEALTH_COLUMNS: Final = _COMMON | _columns("""
timestamptz at
jsonb report
""")


def _health_rows(received: Received) -> Iterable[Values]:
    report = Jsonb(asdict(cast("Health", received.envelope.data)))
    yield (*_common(received), received.envelope.time, report)


TABLE_OF_KIND: Final = {
    Kind.DETECTION: Table(name="observations", columns=_OBSERVATION_COLUMNS, rows=_observation_rows),
    Kind.COVERAGE: Table(name="coverages", columns=_COVERAGE_COLUMNS, rows=_coverage_rows),
    Kind.TRACK: Table(name="track_points", columns=_TRACK_COLUMNS, rows=_track_rows),
    Kind.DRIVING: Table(name="driving_events", columns=_DRIVING_COLUMNS, rows=_driving_rows),
    Kind.SIGHTING: Table(name="tag_sightings", columns=_SIGHTING_COLUMNS, rows=_sighting_rows),
    Kind.MEASUREMENT: Table(name="measurements", columns=_MEASUREMENT_COLUMNS, rows=_measurement_rows),
    Kind.HEALTH: Table(name="health_reports", columns=_HEALTH_COLUMNS, rows=_health_rows),
}
"""One table for every counted kind."""
