from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from simulator.county.scenario import Season
from simulator.county.weather import BLURRED, DARK, GLARE, GOOD, WET, Weather

EAST_8 = timezone(timedelta(hours=8))
DRY = Season(rain_days=[0.0] * 12, rain_mm=[1.0] * 12, fog_mornings=[0.0] * 12)
MONSOON = Season(rain_days=[30.4] * 12, rain_mm=[300.0] * 12, fog_mornings=[0.0] * 12)
FOG = Season(rain_days=[0.0] * 12, rain_mm=[1.0] * 12, fog_mornings=[30.4] * 12)


def _weather(season: Season, *, days: int = 365, seed: int = 0) -> Weather:
    return Weather(season, first_day=datetime(2027, 1, 1, tzinfo=EAST_8), days=days, lon=120.4, lat=27.5, seed=seed)


def _view(weather: Weather, *, hour: float, heading: float = 0.0, day: int = 180) -> tuple[int, float]:
    quality, usable = weather.view(np.array([day * 86_400 + hour * 3600]), np.array([heading]))
    return int(quality[0]), float(usable[0])


@pytest.mark.parametrize(
    ("season", "hour", "expected"),
    [(DRY, 12, GOOD), (DRY, 4, DARK), (DRY, 23, DARK), (FOG, 7, BLURRED), (FOG, 12, GOOD)],
    ids=["noon", "before dawn", "night", "fog in the morning", "fog is gone by noon"],
)
def test_a_camera_sees_what_light_and_weather_allow(season: Season, hour: float, expected: int) -> None:
    assert _view(_weather(season), hour=hour)[0] == expected


def test_at_night_most_frames_are_of_no_use() -> None:
    weather = _weather(DRY)
    assert _view(weather, hour=23)[1] < 0.5 * _view(weather, hour=12)[1]


def test_only_a_bus_that_drives_towards_a_low_sun_is_blinded() -> None:
    weather = _weather(DRY)
    seconds = np.arange(0.0, 365 * 86_400.0, 600.0)
    height, azimuth = weather.sun(seconds)
    low = (height > 5) & (height < 12)
    towards, _ = weather.view(seconds[low], azimuth[low])
    away, _ = weather.view(seconds[low], azimuth[low] + 180)
    assert GLARE in towards
    assert GLARE not in away


def test_a_storm_is_worse_than_rain() -> None:
    weather = _weather(MONSOON)
    noons = np.array([day * 86_400 + 12 * 3600.0 for day in range(365)])
    quality, usable = weather.view(noons, np.zeros(365))
    assert {WET, BLURRED} <= set(quality.tolist())
    assert usable[quality == BLURRED].max() < usable[quality == WET].min()


@pytest.mark.parametrize(("day", "noon_deg"), [(171, 85.9), (354, 39.1)], ids=["summer", "winter"])
def test_the_sun_stands_as_high_as_the_latitude_says(day: int, noon_deg: float) -> None:
    height, azimuth = _weather(DRY).sun(np.array([day * 86_400 + 12 * 3600.0]))
    assert height[0] == pytest.approx(noon_deg, abs=1.0)
    assert azimuth[0] == pytest.approx(180, abs=40)


def test_rain_comes_as_often_as_the_climate_says_and_the_same_for_a_seed() -> None:
    first, again, other = (_weather(Season(), seed=seed).rain_of_day_mm for seed in (1, 1, 2))
    assert (first == again).all()
    assert not (first == other).all()
    assert 110 < (first > 0).sum() < 200


def test_time_zones_do_not_shift_the_sun() -> None:
    at_greenwich = Weather(DRY, first_day=datetime(2027, 6, 21, tzinfo=UTC), days=1, lon=0.0, lat=51.5, seed=0)
    height, _ = at_greenwich.sun(np.array([12 * 3600.0, 0.0]))
    assert height[0] == pytest.approx(61.9, abs=1)
    assert height[1] < 0
