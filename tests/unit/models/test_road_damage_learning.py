# pyright: basic
# (strict needs torch's types, and torch is only there where models are trained)
"""The parts of training that decide what is learned; skipped where torch is not installed."""

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
from models.road_damage.drawn_set import CLASSES, drawn_scene  # noqa: E402
from models.road_damage.training.assign import assign, pair_iou  # noqa: E402
from models.road_damage.training.data import Batch  # noqa: E402
from models.road_damage.training.export import export_onnx  # noqa: E402
from models.road_damage.training.loop import Plan, progress_bar, start  # noqa: E402
from models.road_damage.training.loss import detection_loss, giou  # noqa: E402
from models.road_damage.training.network import BIN_COUNT, FIRST_BIN, Detector, Prediction, normalised  # noqa: E402
from models.road_damage.training.shipped import unfolded  # noqa: E402

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


def ten_photos(folder: Path) -> Path:
    """A data folder of ten pictures with known boxes, for training and for validation."""
    rng = np.random.default_rng(11)
    (folder / "images").mkdir()
    images, annotations = [], []
    for number in range(10):
        scene = drawn_scene(rng)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), scene.image)
        images.append({"id": number, "file_name": f"{number}.png", "width": 640, "height": 384, "scene": str(number)})
        for (x1, y1, x2, y2), label in zip(scene.boxes.tolist(), scene.labels.tolist(), strict=True):
            box = [x1, y1, x2 - x1, y2 - y1]
            annotations.append({"id": len(annotations), "image_id": number, "category_id": label, "bbox": box})
    categories = [{"id": index, "name": code} for index, code in enumerate(CLASSES)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    for split in ("train", "val"):
        (folder / f"{split}.json").write_text(json.dumps(content))
    return folder


def small_plan(data: Path, out: Path) -> Plan:
    return Plan(
        data=data,
        out=out,
        epochs=1,
        pictures_per_epoch=10,
        batch_size=5,
        input_px=96,
        validate_every=1,
        drawn_share=0.2,
    )


def test_one_epoch_on_ten_photos_and_the_same_in_two_sittings(tmp_path: Path) -> None:
    data = ten_photos(tmp_path)
    with progress_bar() as bar:
        whole = start(small_plan(data, tmp_path / "whole"), is_resumed=False)
        whole.train(bar)
        first = start(small_plan(data, tmp_path / "parts"), is_resumed=False)
        first.train(bar, until_step=1)
        second = start(small_plan(data, tmp_path / "parts"), is_resumed=True)
        second.train(bar)

    assert (whole.progress.step, second.progress.step) == (2, 2)
    assert np.isfinite(whole.progress.history[-1]["loss"])
    one, other = (torch.load(run.checkpoint_path, weights_only=True)["average"] for run in (whole, second))
    for name, weight in one.items():
        torch.testing.assert_close(weight, other[name], rtol=0, atol=0)


def test_a_run_can_begin_with_another_ones_weights(tmp_path: Path) -> None:
    data = ten_photos(tmp_path)
    with progress_bar() as bar:
        first = start(small_plan(data, tmp_path / "first"), is_resumed=False)
        first.train(bar)
    plan = dataclasses.replace(small_plan(data, tmp_path / "next"), begins_with=first.checkpoint_path)

    begun = start(plan, is_resumed=False)

    assert begun.progress.step == 0
    with progress_bar() as bar:
        begun.train(bar)
    assert len(begun.progress.history) == 1


def test_training_goes_on_from_a_shipped_file(tmp_path: Path) -> None:
    detector = Detector()
    pictures = normalised(torch.from_numpy(np.random.default_rng(5).integers(0, 256, (4, 64, 64, 3), np.uint8)))
    detector.train()
    detector(pictures)
    detector.eval()
    export_onnx(detector, tmp_path / "network.onnx", input_px=64)

    again = unfolded(tmp_path / "network.onnx", pictures)

    with torch.no_grad():
        one, other = detector(pictures), again(pictures)
    torch.testing.assert_close(one.logits, other.logits, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(one.boxes(), other.boxes(), rtol=1e-3, atol=1e-2)
    again.train()
    with torch.no_grad():
        learning = again(pictures)
    torch.testing.assert_close(learning.logits, other.logits, rtol=1e-2, atol=1e-2)
