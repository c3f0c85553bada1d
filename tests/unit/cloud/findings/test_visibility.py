import pytest

from cloud.findings.visibility import look_at, visible_share
from tests.unit.cloud.findings.builders import place, stretch


def share(place_m: tuple[float, float], *lines_m: tuple[tuple[float, float], ...]) -> float:
    lon, lat = place(*place_m)
    return sum(visible_share(stretch(*line), lon=lon, lat=lat, sigma_m=0.5) for line in lines_m)


def test_place_in_the_middle_of_the_lane_was_seen_wholly() -> None:
    assert share((0, 50), ((0, 0), (0, 100))) == pytest.approx(1.0, abs=0.07)


@pytest.mark.parametrize(
    "place_m",
    [
        pytest.param((0, -30), id="behind"),
        pytest.param((0, 160), id="far ahead"),
        pytest.param((30, 50), id="to the right"),
        pytest.param((-30, 50), id="to the left"),
    ],
)
def test_place_outside_the_view_was_not_seen(place_m: tuple[float, float]) -> None:
    assert share(place_m, ((0, 0), (0, 100))) == pytest.approx(0.0, abs=1e-6)


def test_stretches_of_one_pass_add_up() -> None:
    whole = share((0, 60), ((0, 0), (0, 50)), ((0, 50), (0, 100)))

    assert whole == pytest.approx(1.0, abs=0.13)
    assert 0.2 < share((0, 60), ((0, 0), (0, 50))) < 0.8


def test_place_at_the_edge_of_the_view_counts_half() -> None:
    assert share((4, 50), ((0, 0), (0, 100))) == pytest.approx(0.5, abs=0.05)


def test_bus_that_turned_off_did_not_see_what_lies_straight_on() -> None:
    turned = share((0, 60), ((0, 0), (0, 50), (60, 50)))

    assert turned < 0.7
    assert turned == pytest.approx(share((0, 60), ((0, 0), (0, 50))), abs=0.1)


def test_unusable_frames_make_a_smaller_look() -> None:
    lon, lat = place(0, 50)
    half = look_at(stretch((0, 0), (0, 100), usable_share=0.5), lon=lon, lat=lat, sigma_m=0.5)

    assert half.share == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(
    "line_m", [((0, 0), (0, 0)), ((0, 0), (0, 5000))], ids=["bus that stood still", "line that jumps"]
)
def test_line_that_is_no_stretch_is_no_look(line_m: tuple[tuple[float, float], ...]) -> None:
    assert share((0, 10), line_m) == 0.0
