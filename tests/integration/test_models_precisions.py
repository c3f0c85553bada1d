"""torch, fp32 and int8 see the same on real photos and on drawn frames."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import models
from edge_agent.readings import Image
from edge_agent.vision.detections import Detections, overlaps
from edge_agent.vision.detector import OnnxDetector
from edge_agent.vision.model_file import Network, load_manifest
from edge_agent.vision.preprocess import InputShape, letterbox
from models.road_damage.coco import decoded, read_photos, road_damage_file
from models.road_damage.drawn_set import CLASSES, drawn_scene
from models.road_damage.quantise import spread

MANIFEST = Path(models.__file__).parent / "road_damage" / "manifest.toml"
SURE = 0.2  # above the threshold: a box at its edge may go with the last bits
SAME_IOU = 0.6
LEAST_SHARE = 0.9  # of the sure boxes of fp32 that int8 finds, too
MEAN_CHANCE = 0.06  # mean difference of their confidences
TORCH_PX, TORCH_SCORE = 0.1, 0.002

needs_data = pytest.mark.skipif("BUSENSE_DATA" not in os.environ, reason="BUSENSE_DATA names no data folder")


def drawn_frames(count: int) -> list[Image]:
    rng = np.random.default_rng(11)
    return [drawn_scene(rng).image for _ in range(count)]


def photos(count: int) -> list[Image]:
    val = read_photos(road_damage_file(Path(os.environ["BUSENSE_DATA"]), "val"), CLASSES)
    return [decoded(photo) for photo in spread(val, count)]


def assert_int8_sees_what_fp32_sees(images: list[Image]) -> None:
    fp32, int8 = (OnnxDetector(MANIFEST, threads=1, precision=precision) for precision in ("fp32", "int8"))
    limit = load_manifest(MANIFEST).threshold + SURE
    differences = [_differences(fp32.detect(image), int8.detect(image), limit) for image in images]
    found = np.concatenate(differences)
    assert len(found) >= len(images) / 4
    assert np.isfinite(found).mean() >= LEAST_SHARE
    assert np.abs(found[np.isfinite(found)]).mean() <= MEAN_CHANCE


def _differences(one: Detections, other: Detections, limit: float) -> NDArray[np.float32]:
    """Difference of confidence for each sure box of one; NaN where the other has no such box."""
    iou, _ = overlaps(one.boxes, other.boxes)
    is_same_class = np.array(one.class_codes)[:, None] == np.array(other.class_codes)[None, :]
    matching = np.where(is_same_class, iou, 0.0)
    pairs = [
        other.confidences[row.argmax()] - confidence if row.max(initial=0) >= SAME_IOU else np.nan
        for row, confidence in zip(matching, one.confidences, strict=True)
        if confidence >= limit
    ]
    return np.array(pairs, np.float32)


def test_int8_sees_what_fp32_sees_on_drawn_frames() -> None:
    assert_int8_sees_what_fp32_sees(drawn_frames(16))


@pytest.mark.data
@needs_data
def test_int8_sees_what_fp32_sees_on_real_photos() -> None:
    assert_int8_sees_what_fp32_sees(photos(40))


def assert_torch_sees_what_the_file_says(images: list[Image]) -> None:
    """The file's own weights, put back into the network that was trained."""
    torch = pytest.importorskip("torch", reason="needs the extra `train`")
    torch.set_num_threads(1)  # its pool and ONNX Runtime's would wait for each other
    import onnx  # noqa: PLC0415
    from onnx import numpy_helper  # noqa: PLC0415

    from models.road_damage.training.export import Exported, folded  # noqa: PLC0415
    from models.road_damage.training.network import Detector  # noqa: PLC0415

    manifest = load_manifest(MANIFEST)
    tensors = onnx.load_model_from_string((MANIFEST.parent / manifest.file).read_bytes()).graph.initializer
    weights = {one.name.removesuffix("_half"): torch.tensor(numpy_helper.to_array(one)).float() for one in tensors}
    trained = Exported(folded(Detector()))
    trained.load_state_dict({name: weights[name] for name in trained.state_dict()})
    file = Network(MANIFEST.parent, manifest.weights("fp32"), threads=1)
    shape = InputShape(
        width_px=manifest.input_width,
        height_px=manifest.input_height,
        stride_px=manifest.input_stride,
        pad=manifest.input_pad,
    )
    for image in images:
        picture = letterbox(image, shape)[0][None]
        with torch.no_grad():
            wanted = trained(torch.from_numpy(picture)).numpy()
        found = file.run(picture)[0]
        is_seen = wanted[:, 4:].max(axis=1) > 0.05
        assert found[:, 4:] == pytest.approx(wanted[:, 4:], abs=TORCH_SCORE)
        assert found[is_seen, :4] == pytest.approx(wanted[is_seen, :4], abs=TORCH_PX)


def test_torch_sees_what_the_file_says_on_drawn_frames() -> None:
    assert_torch_sees_what_the_file_says(drawn_frames(2))


@pytest.mark.data
@needs_data
def test_torch_sees_what_the_file_says_on_real_photos() -> None:
    assert_torch_sees_what_the_file_says(photos(5))
