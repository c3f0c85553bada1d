import pytest

from models.road_damage.failures import Fate, pieces_of
from tests.unit.models.road_damage_samples import outcome, photo

BOX = [10.0, 10.0, 60.0, 60.0]
HALF = [10.0, 10.0, 60.0, 30.0]
ELSEWHERE = [70.0, 70.0, 90.0, 90.0]


@pytest.mark.parametrize(
    ("box", "label", "fate", "best_iou"),
    [
        (BOX, 3, Fate.FOUND, 1.0),
        (HALF, 3, Fate.MISPLACED, 0.4),
        (BOX, 0, Fate.ANOTHER_CLASS, 0.0),
        (ELSEWHERE, 3, Fate.NOTHING, 0.0),
    ],
    ids=str,
)
def test_each_piece_of_damage_has_the_best_fate_that_a_box_gives_it(
    box: list[float], label: int, fate: Fate, best_iou: float
) -> None:
    (piece,) = pieces_of([outcome([box], [0.9], [label], photo([BOX], [3], source="village"))], input_px=100)

    assert piece.fate is fate
    assert piece.best_iou == pytest.approx(best_iou)
    assert (piece.class_code, piece.source, piece.size) == ("D40", "village", "32 to 64 px")


def test_damage_on_a_picture_without_boxes_is_counted() -> None:
    pieces = list(pieces_of([outcome([], [], [], photo([BOX, HALF], [0, 1]))], input_px=100))

    assert [piece.fate for piece in pieces] == [Fate.NOTHING, Fate.NOTHING]
