import pytest

from benchmarks.drives import defect_under
from simulator.frames import Shown
from simulator.photos import Box

CRACK = Shown(defect_id="crack", class_code="D00", box_xyxy_px=(300, 150, 330, 250))
HOLE = Shown(defect_id="hole", class_code="D40", box_xyxy_px=(284, 306, 354, 327))


@pytest.mark.parametrize(
    ("box_px", "defect_id"),
    [
        pytest.param((302, 160, 328, 248), "crack", id="whole"),
        pytest.param((300, 225, 330, 250), "crack", id="a piece of it"),
        pytest.param((280, 300, 360, 330), "hole", id="drawn too large"),
        pytest.param((123, 294, 376, 312), None, id="a seam that touches the hole"),
        pytest.param((200, 200, 240, 215), None, id="a manhole beside both"),
    ],
)
def test_an_observation_means_the_defect_that_its_own_picture_shows(box_px: Box, defect_id: str | None) -> None:
    assert defect_under(box_px, [CRACK, HOLE]) == defect_id


def test_where_nothing_is_shown_no_defect_is_meant() -> None:
    assert defect_under((0, 0, 10, 10), []) is None
