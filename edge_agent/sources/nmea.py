"""NMEA 0183 sentences to fixes."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pynmea2

from edge_agent.readings import FASTEST_MPS, WORST_M, FixQuality, GnssReading, compass_deg

METRES_PER_HDOP: Final = 3.0
"""Radius that holds 68 % for one unit of horizontal dilution, of a plain receiver under open sky; an estimate."""
UNKNOWN_ACCURACY_M: Final = 8.0  # without a GGA sentence: a plain receiver between houses
MAX_GGA_AGE: Final = timedelta(seconds=1.5)
_MPS_PER_KNOT: Final = 1852 / 3600
_QUALITY: Final = {
    0: FixQuality.NONE,
    1: FixQuality.GNSS,
    2: FixQuality.DGNSS,
    4: FixQuality.RTK,
    5: FixQuality.RTK,
    6: FixQuality.DEAD_RECKONING,
}
_pynmea2: Any = pynmea2  # it has no types


class NmeaReader:
    """RMC gives time, place, speed and course; the last GGA before it how good they are."""

    def __init__(self) -> None:
        self._quality = FixQuality.GNSS
        self._accuracy_m = UNKNOWN_ACCURACY_M
        self._gga_at: datetime | None = None
        self._last_at: datetime | None = None

    def read(self, line: str) -> GnssReading | None:
        """Take one line; a fix when it completes one. Lines that are no sound sentence say nothing."""
        try:
            sentence = _pynmea2.parse(line.strip(), check=True)
            match sentence.sentence_type:
                case "GGA":
                    self._take_quality(sentence)
                case "RMC":
                    return self._fix(sentence)
                case _:
                    pass
        except (pynmea2.ParseError, ValueError, TypeError, AttributeError):
            return None
        return None

    def _take_quality(self, sentence: Any) -> None:  # noqa: ANN401 - pynmea2 has no types
        self._quality = _QUALITY.get(int(sentence.gps_qual), FixQuality.GNSS)
        self._accuracy_m = accuracy_of(float(sentence.horizontal_dil or 0))
        self._gga_at = self._last_at

    def _fix(self, sentence: Any) -> GnssReading | None:  # noqa: ANN401
        if sentence.status != "A" or not (sentence.lon and sentence.lat):
            return None
        at = datetime.combine(sentence.datestamp, sentence.timestamp.replace(tzinfo=None), UTC)
        is_fresh = self._gga_at is None or at - self._gga_at <= MAX_GGA_AGE
        self._last_at = at
        fix = GnssReading(
            at=at,
            lon=float(sentence.longitude),
            lat=float(sentence.latitude),
            speed_mps=None if sentence.spd_over_grnd is None else float(sentence.spd_over_grnd) * _MPS_PER_KNOT,
            heading_deg=_course_of(sentence.true_course),
            accuracy_m=self._accuracy_m if is_fresh else UNKNOWN_ACCURACY_M,
            fix=self._quality if is_fresh else FixQuality.GNSS,
        )
        return fix if is_possible(fix) else None


def _course_of(true_course: float | None) -> float | None:
    """A receiver that stands may call its course no number."""
    return None if true_course is None or not math.isfinite(true_course) else compass_deg(float(true_course))


def accuracy_of(hdop: float | None) -> float:
    """By the horizontal dilution; receivers say 0 where they do not know it."""
    return min(hdop * METRES_PER_HDOP, WORST_M) if hdop is not None and hdop > 0 else UNKNOWN_ACCURACY_M


def is_possible(fix: GnssReading) -> bool:
    """Whether a message can tell of it: receivers that are jammed or misled say what no bus does, others zeros."""
    is_place = abs(fix.lon) <= 180 and abs(fix.lat) <= 90 and 0 < fix.accuracy_m <= WORST_M  # noqa: PLR2004 - degrees
    is_motion = (fix.speed_mps is None or 0 <= fix.speed_mps <= FASTEST_MPS) and (
        fix.heading_deg is None or math.isfinite(fix.heading_deg)
    )
    return is_place and is_motion and (fix.lon, fix.lat) != (0.0, 0.0)
