from pathlib import Path

import pytest

import cloud.findings
from cloud.errors import ConfigError
from cloud.findings.catalogue import load_catalogue
from cloud.findings.model import Severity
from cloud.scenarios.street_furniture.assess import Problem
from cloud.scenarios.street_furniture.kinds import load_kinds

SHIPPED = (Path(cloud.findings.__file__).parent / "catalogue.toml").read_text()


def changed(tmp_path: Path, old: str, new: str) -> Path:
    assert old in SHIPPED
    path = tmp_path / "catalogue.toml"
    path.write_text(SHIPPED.replace(old, new, 1))
    return path


def test_shipped_catalogue_has_the_published_classes() -> None:
    classes = load_catalogue().classes
    assert {code for code, entry in classes.items() if entry.group == "surface"} == {"D00", "D10", "D20", "D40"}
    assert classes["FLOOD"].filing.by_itself


def test_everything_that_can_be_the_matter_with_a_thing_is_a_class() -> None:
    wanted = {problem.class_of(kind) for kind in load_kinds().kinds for problem in Problem}
    assert wanted <= set(load_catalogue().classes)


def test_every_class_has_time_limits_that_shrink_with_severity() -> None:
    for entry in load_catalogue().classes.values():
        limits = [entry.filing.time_limit_h[severity] for severity in Severity]
        assert limits == sorted(limits, reverse=True)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        pytest.param("hit_rate = 0.5", "hit_rate = 1.5", "classes.D00.hit_rate", id="rate above one"),
        pytest.param("hit_rate = 0.5", 'hit_rate = "often"', "classes.D00.hit_rate", id="text for a number"),
        pytest.param("hit_rate = 0.5", "hitrate = 0.5", "classes.D00.hitrate", id="misspelt key"),
        pytest.param('colour = "#e6a23c"', 'colour = "red"', "classes.D00.colour", id="colour"),
        pytest.param("heavy_from = 5.0", "heavy_from = 1.0", "classes.D00.severity", id="scale upside down"),
        pytest.param("gone_below = 0.1", "gone_below = 0.9", "policy", id="thresholds upside down"),
        pytest.param("light = 720, ", "", "classes.D00.filing", id="missing limit"),
        pytest.param("false_alarm_rate = 0.05", "false_alarm_rate = 0.6", "classes.D00", id="rates upside down"),
    ],
)
def test_wrong_value_is_named_with_line_and_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    path = changed(tmp_path, old, new)

    with pytest.raises(ConfigError) as caught:
        load_catalogue(path)

    line = next(line for line in str(caught.value).splitlines() if f": {key}" in line)
    number = int(line.split("line ")[1].split(":")[0])
    shown = path.read_text().splitlines()[number - 1]
    assert key.rsplit(".", 1)[-1] in shown


def test_unknown_group_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="class D00: group 'road' is not one of surface"):
        load_catalogue(changed(tmp_path, 'group = "surface"', 'group = "road"'))


@pytest.mark.parametrize(
    "content", [b"[policy", b"\xff\xfe", b"# " + b"x" * 1_000_001], ids=["not TOML", "not text", "too large"]
)
def test_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"catalogue\.toml"):
        load_catalogue(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read"):
        load_catalogue(tmp_path / "none.toml")
