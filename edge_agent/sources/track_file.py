"""A recorded GNSS track: CSV, GPX or NMEA."""

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Final

import gpxpy
import gpxpy.gpx

from edge_agent.errors import SourceError
from edge_agent.readings import GnssReading, compass_deg
from edge_agent.sources.csv_rows import instant_of, read_rows
from edge_agent.sources.nmea import UNKNOWN_ACCURACY_M, NmeaReader, accuracy_of, is_possible

MAX_BYTES: Final = 200_000_000  # a day at 10 Hz is far less


def read_track(path: Path) -> list[GnssReading]:
    """Read a track in the order of its times.

    CSV has a header with `at` (ISO 8601 with zone), `lon`, `lat` and, if known, `speed_mps`, `heading_deg`,
    `accuracy_m`.

    Raises:
        SourceError: it cannot be read; names the file, and the line of a CSV.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SourceError(f"track {path} has {path.stat().st_size} bytes; at most {MAX_BYTES} are read")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"track {path} cannot be read: {error}") from error
    fixes = sorted(_fixes(path, text), key=lambda fix: fix.at)
    if not fixes:
        raise SourceError(f"track {path} has no fix")
    return fixes


def _fixes(path: Path, text: str) -> Iterator[GnssReading]:
    match path.suffix.lower():
        case ".csv":
            return read_rows(text.splitlines(), name=f"track {path}", columns=("at", "lon", "lat"), parse=_from_row)
        case ".gpx":
            return _from_gpx(path, text)
        case ".nmea" | ".txt" | ".log":
            return _from_nmea(text)
        case other:
            raise SourceError(f"track {path} ends in {other!r}; .csv, .gpx or .nmea is expected")


def _from_row(row: dict[str, str]) -> GnssReading:
    accuracy_m = _number(row, "accuracy_m")
    heading_deg = _number(row, "heading_deg")
    return _possible(
        GnssReading(
            at=instant_of(row["at"]),
            lon=_within(float(row["lon"]), 180.0, "lon"),
            lat=_within(float(row["lat"]), 90.0, "lat"),
            speed_mps=_number(row, "speed_mps"),
            heading_deg=None if heading_deg is None else compass_deg(heading_deg),
            accuracy_m=UNKNOWN_ACCURACY_M if accuracy_m is None else accuracy_m,
        )
    )


def _number(row: dict[str, str], column: str) -> float | None:
    text = row.get(column)
    return _within(float(text), 1e6, column) if text else None


def _within(value: float, limit: float, column: str) -> float:
    """Also refuses what is no number: it compares with nothing."""
    if not -limit <= value <= limit:
        raise ValueError(f"{column} {value} is out of range")
    return value


def _possible(fix: GnssReading) -> GnssReading:
    if not is_possible(fix):
        said = f"{fix.speed_mps} m/s at {fix.lon}, {fix.lat}, known to {fix.accuracy_m} m"
        raise ValueError(f"{said}, is no fix of a bus; leave out what is not known")
    return fix


def _from_gpx(path: Path, text: str) -> Iterator[GnssReading]:
    try:
        tracks = gpxpy.parse(text).tracks
    except gpxpy.gpx.GPXException as error:
        raise SourceError(f"track {path} is no GPX: {error}") from error
    for point in (point for track in tracks for segment in track.segments for point in segment.points):
        if point.time is None:
            raise SourceError(f"track {path}: a point without a time; only recorded tracks can be replayed")
        at = point.time if point.time.tzinfo is not None else point.time.replace(tzinfo=UTC)
        fix = GnssReading(
            at=at.astimezone(UTC),
            lon=point.longitude,
            lat=point.latitude,
            speed_mps=point.speed,
            heading_deg=None if point.course is None else compass_deg(point.course),
            accuracy_m=accuracy_of(point.horizontal_dilution),
        )
        try:
            yield _possible(fix)
        except ValueError as error:
            raise SourceError(f"track {path}, point of {at}: {error}") from error


def _from_nmea(text: str) -> Iterator[GnssReading]:
    reader = NmeaReader()
    return (fix for line in text.splitlines() if (fix := reader.read(line)) is not None)
