"""What a pass tells, against the tracker on the bus and against what every such rule must hold to."""

import pytest

from cloud.findings.told import told_of_damage, told_of_nothing
from wire.error_model import Confidence

SURE = Confidence.model_validate({"hit": (6.0, 2.0), "false": (3.0, 3.0)})


def test_what_is_found_in_more_pictures_is_told_more_often_and_surer() -> None:
    tells = [told_of_damage((rate,) * 8, SURE) for rate in (0.1, 0.4, 0.9)]

    assert [each.often for each in tells] == sorted(each.often for each in tells)
    assert tells[2].density(0.99) > tells[0].density(0.99)


def test_what_no_picture_shows_is_never_told() -> None:
    assert told_of_damage((0.0,) * 8, SURE).often == 0.0


def test_twice_the_false_alarms_are_told_twice_as_often() -> None:
    assert told_of_nothing(0.2, SURE).often == pytest.approx(2 * told_of_nothing(0.1, SURE).often)


def test_small_false_alarms_are_told_more_often() -> None:
    """Of what is so small that even damage is hardly ever found twice, one look is taken for enough."""
    often = [told_of_nothing(0.1, SURE, (rate,)).often for rate in (0.9, 0.4, 0.05)]

    assert often == sorted(often)
    assert often[0] < often[-1]


def test_each_share_of_sizes_counts_alike() -> None:
    mixed = told_of_nothing(0.1, SURE, (0.1, 0.9)).often
    alone = [told_of_nothing(0.1, SURE, (rate,)).often for rate in (0.1, 0.9)]

    assert mixed == pytest.approx(sum(alone) / 2, rel=0.05)


def test_sure_ones_are_rather_damage() -> None:
    damage, nothing = told_of_damage((0.6,) * 9, SURE), told_of_nothing(0.1, SURE)

    assert damage.density(0.97) > nothing.density(0.97)
    assert damage.density(0.5) < nothing.density(0.5)


def test_of_what_the_detector_never_invents_nothing_is_told() -> None:
    never = told_of_nothing(0.0, SURE)
    assert never.often == 0
    assert never.how_sure == pytest.approx(told_of_nothing(0.1, SURE).how_sure)
