# pyright: basic
# (strict needs torch's types, and torch is only there where models are trained)
"""The parts of training that decide what is learned; skipped where torch is not installed."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
from models.road_damage.training.assign import assign, pair_iou  # noqa: E402
from models.road_damage.training.data import Batch  # noqa: E402
from models.road_damage.training.loss import detection_loss, giou  # noqa: E402
from models.road_damage.training.network import BIN_COUNT, FIRST_BIN, Detector, Prediction, normalised  # noqa: E402

STRIDE = 8.0


def grid():  # noqa: ANN201 - torch's types are not there at check time
    """Points of a picture of 64 x 64 px at stride 8."""
    middle = torch.arange(8) * STRIDE + STRIDE / 2
    return torch.stack(torch.meshgrid(middle, middle, indexing="xy"), -1).reshape(-1, 2)


def prediction_of(box: list[float]) -> Prediction:
    """A network that sees one box from each point of the grid."""
    points = grid()
    corners = torch.tensor(box)
    sides = torch.cat([points - corners[:2], corners[2:] - points], 1) / STRIDE - FIRST_BIN
    bins = (1 - (torch.arange(BIN_COUNT) - sides[..., None]).abs()).clamp(min=1e-6).log()
    return Prediction(torch.zeros(1, 64, 4), bins[None], points, torch.full((64,), STRIDE))


def batch_of(boxes: list[list[float]], labels: list[int], *, is_labelled: list[bool]) -> Batch:
    return Batch(
        pictures=torch.zeros((1, 64, 64, 3), dtype=torch.uint8),
        boxes=[torch.tensor(boxes).reshape(-1, 4)],
        labels=[torch.tensor(labels, dtype=torch.long)],
        is_labelled=torch.tensor([is_labelled]),
    )


def test_points_near_a_crack_thinner_than_the_grid_learn_it() -> None:
    crack = [31.0, 4.0, 33.0, 60.0]

    targets = assign(
        probabilities=torch.full((64, 4), 0.1),
        predicted=prediction_of(crack).boxes()[0],
        points=grid(),
        strides=torch.full((64,), STRIDE),
        boxes=torch.tensor([crack]),
        labels=torch.tensor([0]),
    )

    assert targets.is_positive.sum() >= 4
    assert targets.scores[:, 0].max() > 0.9
    assert targets.scores[:, 1:].sum() == 0


def test_picture_without_damage_teaches_no_box() -> None:
    targets = assign(
        probabilities=torch.full((64, 4), 0.1),
        predicted=torch.zeros(64, 4),
        points=grid(),
        strides=torch.full((64,), STRIDE),
        boxes=torch.zeros(0, 4),
        labels=torch.zeros(0, dtype=torch.long),
    )

    assert not targets.is_positive.any()
    assert targets.scores.sum() == 0


def test_bins_decode_to_the_box_also_from_points_outside_it() -> None:
    box = [31.0, 4.0, 33.0, 60.0]

    decoded = prediction_of(box).boxes()[0]

    near = (grid() - 32).abs().amax(1) < 5
    torch.testing.assert_close(decoded[near], torch.tensor([box]).expand(int(near.sum()), 4), atol=0.01, rtol=0)


def test_box_in_the_right_place_costs_less() -> None:
    batch = batch_of([[8.0, 8.0, 40.0, 40.0]], [3], is_labelled=[True] * 4)

    right = detection_loss(prediction_of([8.0, 8.0, 40.0, 40.0]), batch)
    wrong = detection_loss(prediction_of([20.0, 12.0, 60.0, 52.0]), batch)

    assert right < wrong


def test_class_that_a_source_did_not_label_costs_nothing() -> None:
    sees = prediction_of([8.0, 8.0, 40.0, 40.0])
    sees.logits[..., 1] = 5.0

    known = detection_loss(sees, batch_of([], [], is_labelled=[True] * 4))
    unknown = detection_loss(sees, batch_of([], [], is_labelled=[True, False, True, True]))

    assert known - unknown > 100


@pytest.mark.parametrize(
    ("other", "iou", "expected"),
    [([0.0, 0.0, 2.0, 2.0], 1.0, 1.0), ([2.0, 0.0, 4.0, 2.0], 0.0, 0.0), ([4.0, 0.0, 6.0, 2.0], 0.0, -1 / 3)],
    ids=["same", "touching", "apart"],
)
def test_overlap_measures(other: list[float], iou: float, expected: float) -> None:
    one, two = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([other])

    assert pair_iou(one, two).item() == pytest.approx(iou)
    assert giou(one, two).item() == pytest.approx(expected, abs=1e-5)


def test_network_answers_for_each_point_of_three_strides() -> None:
    picture = normalised(torch.zeros((1, 64, 96, 3), dtype=torch.uint8))

    prediction = Detector().eval()(picture)

    points = 8 * 12 + 4 * 6 + 2 * 3
    assert prediction.logits.shape == (1, points, 4)
    assert prediction.bins.shape == (1, points, 4, BIN_COUNT)
    assert prediction.points.max(0).values.tolist() == [92.0, 60.0]


def test_pictures_are_seen_as_the_pretrained_body_saw_its_own() -> None:
    blue = torch.from_numpy(np.full((1, 2, 2, 3), (255, 0, 0), np.uint8))

    seen = normalised(blue)

    assert seen[0, 2, 0, 0] > 2
    assert seen[0, 0, 0, 0] < -2
