"""Weather and light, hour by hour from a seed, and what of them a camera can see through."""

import math
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.county.scenario import Season
from simulator.county.told import QUALITIES

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

HOURS: Final = 24
GOOD, DARK, BLURRED, WET, GLARE = (QUALITIES.index(word) for word in ("good", "dark", "blurred", "wet", "glare"))
NIGHT_DEG, DUSK_DEG = -6.0, 3.0  # height of the sun: below, only lamps; between, dark pictures
LOW_SUN_DEG: Final = 14.0
TOWARDS_SUN_DEG: Final = 25.0
SUN_THROUGH: Final = 0.5  # of the sky under cloud: less, and the sun blinds
RAIN_MM: Final = 0.1  # in an hour: wet
STORM_MM: Final = 6.0  # of rain in an hour: the wipers no longer keep up
USABLE: Final = {GOOD: 0.95, DARK: 0.85, BLURRED: 0.35, WET: 0.7, GLARE: 0.8}  # share of frames (unconfirmed)
FOLLOWS: Final = 0.5  # of the days, that are as the day before
LAMP_SHARE: Final = 0.4  # of frames at night that street lamps make usable (unconfirmed)


class Weather:
    """Weather of each hour since the first local midnight."""

    def __init__(self, season: Season, *, first_day: datetime, days: int, lon: float, lat: float, seed: int) -> None:
        """Draw it; `first_day` is an aware local midnight."""
        self.first_day, self.days = first_day, days
        self._lon, self._lat = lon, lat
        rng = np.random.default_rng((seed, 13))
        months = np.array([(first_day + timedelta(days=day)).month - 1 for day in range(days)])
        is_rainy = _in_spells(rng, np.array(season.rain_days)[months] / 30.4)
        self.rain_mm: Floats = np.zeros((days, HOURS))
        self._cloud: Floats = np.clip(rng.beta(1.2, 1.6, (days, 1)) + rng.normal(0, 0.15, (days, HOURS)), 0, 1)
        for day in np.flatnonzero(is_rainy):
            hours, begin = int(rng.integers(3, 14)), int(rng.integers(0, HOURS))
            wet = (np.arange(begin, begin + hours)) % HOURS
            self.rain_mm[day, wet] = rng.gamma(0.8, np.array(season.rain_mm)[months[day]] / hours / 0.8, hours)
            self._cloud[day] = np.maximum(self._cloud[day], 0.8)
        self._is_foggy = np.zeros((days, HOURS), dtype=np.bool_)
        foggy = rng.random(days) < np.array(season.fog_mornings)[months] / 30.4
        self._is_foggy[foggy, 5:9] = True

    @property
    def rain_of_day_mm(self) -> Floats:
        return self.rain_mm.sum(axis=1)

    def view(self, at_s: Floats, headings_deg: Floats) -> tuple[Indices, Floats]:
        """Quality of the pictures (index of `QUALITIES`) and share of frames that are usable, of each time and heading.

        Args:
            at_s: seconds since the first local midnight.
            headings_deg: of the bus.
        """
        day = np.clip((at_s // 86_400).astype(np.int64), 0, self.days - 1)
        hour = ((at_s // 3600) % HOURS).astype(np.int64)
        height, azimuth = self.sun(at_s)
        rain, cloud = self.rain_mm[day, hour], self._cloud[day, hour]
        away = np.abs((headings_deg - azimuth + 180) % 360 - 180)
        quality = np.full(len(at_s), GOOD)
        quality[(height > DUSK_DEG) & (height < LOW_SUN_DEG) & (away < TOWARDS_SUN_DEG) & (cloud < SUN_THROUGH)] = GLARE
        quality[rain > RAIN_MM] = WET
        quality[self._is_foggy[day, hour] | (rain > STORM_MM)] = BLURRED
        quality[(height < DUSK_DEG) & (quality != BLURRED)] = DARK
        usable = np.array([USABLE[each] for each in range(len(QUALITIES))])[quality]
        return quality, np.where(height < NIGHT_DEG, usable * LAMP_SHARE, usable)

    def sun(self, at_s: Floats) -> tuple[Floats, Floats]:
        """Height and azimuth in degrees.

        Source: declination and hour angle by Cooper, Solar Energy 12 (1969), without the equation of time: right to 4°.
        """
        offset = self.first_day.utcoffset() or timedelta()
        day_of_year = self.first_day.timetuple().tm_yday + at_s / 86_400
        declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day_of_year) / 365)
        solar_h = (at_s / 3600 - offset.total_seconds() / 3600 + self._lon / 15) % HOURS
        turned, lat = np.radians(15 * (solar_h - 12)), math.radians(self._lat)
        sine = math.sin(lat) * np.sin(declination) + math.cos(lat) * np.cos(declination) * np.cos(turned)
        east = -np.cos(declination) * np.sin(turned)
        north = math.cos(lat) * np.sin(declination) - math.sin(lat) * np.cos(declination) * np.cos(turned)
        return np.degrees(np.arcsin(np.clip(sine, -1, 1))), np.degrees(np.arctan2(east, north)) % 360


def _in_spells(rng: np.random.Generator, chances: Floats) -> NDArray[np.bool_]:
    """Rain follows rain: a day is half the day before, half chance of its own."""
    follows, fresh = rng.random(len(chances)) < FOLLOWS, rng.random(len(chances)) < chances
    rainy = fresh.copy()
    for day in range(1, len(chances)):
        if follows[day]:
            rainy[day] = rainy[day - 1] if rng.random() < chances[day] / max(chances[day - 1], 1e-6) else fresh[day]
    return rainy
