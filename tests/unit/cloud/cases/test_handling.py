from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

import cloud.cases
from cloud.cases.handling import load_handling, missing_years, shipped_handling, strangers
from cloud.cli import catalogue
from cloud.errors import ConfigError
from cloud.findings.catalogue import load_catalogue

SHIPPED = Path(cloud.cases.__file__).parent / "handling.toml"
AREA = """
[[areas]]
name = { zh = "县城", en = "County seat" }
unit = "roads"
polygon = [[120.40, 27.50], [120.45, 27.50], [120.45, 27.55], [120.40, 27.55]]
"""


def test_shipped_file_fits_the_shipped_catalogue() -> None:
    assert strangers(shipped_handling(), load_catalogue()) == []


@pytest.mark.parametrize(
    ("good", "bad", "where"),
    [
        ('zone = "Asia/Shanghai"', 'zone = "Asia/Nowhere"', "[calendar]"),
        ('[["08:30", "12:00"], ["14:00", "17:30"]]', '[["08:30", "08:45"], ["14:00", "14:40"]]', "[calendar]"),
        ('"08:30"', '"08:30Z"', "[calendar]"),
        ('"02-15..02-23"', '"02-23..02-15"', '"02-23..02-15"'),
        ('"02-15..02-23"', '"02-30"', '"02-30"'),
        ("warn_at_share = 0.8", "warn_at_share = 8", "warn_at_share"),
        ("speed_kmh = 25", 'speed_kmh = "fast"', "speed_kmh"),
        ("lat = 27.5080", "lat = 127.5080", "lat = 127.5080"),
        ("bad_repair = 0.2", "bad_repair = 0.9", "[verification]"),
        ("after_h = 24", "after_h = -1", "after_h = -1"),
        ("[120.45, 27.55], [120.40, 27.55]]", "[120.40, 27.55], [120.45, 27.55]]", "[[areas]]"),
        ('unit = "roads"\npolygon', 'unit = "Roads!"\npolygon', 'unit = "Roads!"'),
    ],
    ids=[
        "zone",
        "hardly ever open",
        "hours with a zone",
        "days backwards",
        "no such day",
        "share",
        "number",
        "latitude",
        "beliefs",
        "escalation",
        "polygon that crosses itself",
        "unit's form",
    ],
)
def test_wrong_line_is_named(tmp_path: Path, good: str, bad: str, where: str) -> None:
    text = (SHIPPED.read_text() + AREA).replace(good, bad)
    wrong = tmp_path / "handling.toml"
    wrong.write_text(text)
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if where in line]

    with pytest.raises(ConfigError, match=rf"handling\.toml, line {lines[-1]}:"):
        load_handling(wrong)


def test_command_checks_it_and_says_which_years_are_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(catalogue, ["check", str(SHIPPED)])

    assert result.exit_code == 0
    assert " crews, all right" in result.output


def test_years_that_nobody_has_published_yet_are_missing() -> None:
    assert missing_years(shipped_handling(), date(2026, 11, 24)) == [2027]
    assert missing_years(shipped_handling(), date(2025, 3, 1)) == []


@pytest.mark.parametrize(
    ("good", "bad", "what"),
    [
        ('unit = "roads"\nlon', 'unit = "lamps"\nlon', "crews.roads-1.unit: unit 'lamps'"),
        ('unit = "roads"\npolygon', 'unit = "lamps"\npolygon', "areas.0.unit: unit 'lamps'"),
        ('unit = "roads"\npolygon', 'unit = "roads"\nclasses = ["D97"]\npolygon', "areas.0.classes: class 'D97'"),
        ('D40 = ["heavy"]', 'D98 = ["heavy"]', "clock.round_the_clock.D98: class 'D98'"),
    ],
    ids=["unit of a crew", "unit of an area", "class of an area", "class round the clock"],
)
def test_what_the_catalogue_does_not_know_is_told_with_its_line(tmp_path: Path, good: str, bad: str, what: str) -> None:
    text = (SHIPPED.read_text() + AREA).replace(good, bad, 1)
    name = what.split("'")[1]
    (line,) = [number for number, content in enumerate(text.splitlines(), start=1) if name in content]
    strange = tmp_path / "handling.toml"
    strange.write_text(text)
    result = CliRunner().invoke(catalogue, ["check", str(strange)])

    assert f"{strange}, line {line}: {what} is not in the catalogue" in str(result.exception)
