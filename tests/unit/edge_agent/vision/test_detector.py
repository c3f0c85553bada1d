import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_agent.config import Model
from edge_agent.errors import ModelError
from edge_agent.vision.detections import Detections, areas, overlaps
from edge_agent.vision.detector import OnnxDetector, fuse_boxes
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.model_file import Calibration, load_manifest
from edge_agent.vision.preprocess import InputShape, letterbox
from simulator.drawn import DrawnDefect, draw_frame

SHAPE = InputShape(width_px=320, height_px=320, stride_px=32, pad=114)


@pytest.mark.parametrize(
    ("box", "other", "iou", "covered"),
    [
        ([0, 0, 10, 10], [0, 0, 10, 10], 1, 1),
        ([0, 0, 10, 10], [5, 0, 15, 10], 1 / 3, 0.5),
        ([0, 0, 10, 10], [2, 2, 4, 4], 0.04, 1),
        ([0, 0, 10, 10], [20, 20, 30, 30], 0, 0),
        ([5, 5, 5, 5], [0, 0, 10, 10], 0, 0),
    ],
    ids=["same", "half beside", "inside", "apart", "empty"],
)
def test_overlaps(box: list[float], other: list[float], iou: float, covered: float) -> None:
    found_iou, found_covered = overlaps(np.array([box], np.float32), np.array([other], np.float32))
    assert found_iou[0, 0] == pytest.approx(iou)
    assert found_covered[0, 0] == pytest.approx(covered)


def test_boxes_scores_and_classes_go_together() -> None:
    with pytest.raises(ValueError, match="go together"):
        Detections(boxes=np.zeros((1, 4), np.float32), confidences=np.zeros(2, np.float32), class_codes=("D00",))


@pytest.mark.parametrize("size", [(480, 640), (512, 512), (720, 1280), (100, 900), (17, 16)])
def test_the_input_has_the_trained_number_of_pixels_and_whole_strides(size: tuple[int, int]) -> None:
    padded, fit = letterbox(np.full((*size, 3), 200, np.uint8), SHAPE)
    height, width = padded.shape[:2]
    assert height % 32 == width % 32 == 0
    picture = size[0] * fit.scale_y * size[1] * fit.scale_x
    assert picture == pytest.approx(320 * 320, rel=0.22)  # near enough goes in at its own scale
    assert (padded[round(size[0] * fit.scale_y) :] == 114).all()
    assert (padded[:, round(size[1] * fit.scale_x) :] == 114).all()


@given(boxes=hnp.arrays(np.float32, (3, 4), elements=st.floats(0, 300, width=32)))
def test_boxes_come_back_to_the_frame_and_stay_inside(boxes: np.ndarray) -> None:
    _, fit = letterbox(np.zeros((480, 640, 3), np.uint8), SHAPE)
    back = fit.to_frame(boxes.astype(np.float32))
    assert (back >= 0).all()
    assert (back <= [640, 480, 640, 480]).all()
    inside = (boxes < 250).all(axis=1)
    scale = np.array([fit.scale_x, fit.scale_y] * 2)
    assert back[inside] * scale == pytest.approx(boxes[inside], abs=0.01)


def test_overlapping_boxes_of_one_thing_are_fused_by_weight() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 12, 10], [50, 50, 60, 60]], np.float32)
    fused, scores = fuse_boxes(boxes, np.array([0.8, 0.4, 0.6], np.float32), threshold=0.3, nms_iou=0.3)
    assert scores == pytest.approx([0.8, 0.6])
    assert fused[0] == pytest.approx([0, -0.25, (10 * 0.8 + 12 * 0.4) / 1.2, 10.25])
    assert fused[1] == pytest.approx([50, 49.75, 60, 60.25])


def test_a_piece_inside_a_better_box_goes() -> None:
    boxes = np.array([[0, 0, 100, 20], [40, 5, 60, 15]], np.float32)
    fused, scores = fuse_boxes(boxes, np.array([0.7, 0.6], np.float32), threshold=0.3, nms_iou=0.3)
    assert len(fused) == 1
    assert scores == pytest.approx([0.7])


@given(
    boxes=hnp.arrays(np.float32, st.tuples(st.integers(0, 30), st.just(4)), elements=st.floats(0, 100, width=32)),
    seed=st.integers(0, 100),
    threshold=st.floats(0.05, 0.9),
)
def test_fusing_keeps_its_promises(boxes: np.ndarray, seed: int, threshold: float) -> None:
    scores = np.random.default_rng(seed).random(len(boxes), np.float32)
    fused, best = fuse_boxes(boxes, scores, threshold=threshold, nms_iou=0.3)
    assert len(fused) == len(best) <= len(boxes)
    assert (best >= np.float32(threshold)).all()
    assert (np.diff(best) <= 0).all()
    iou, _ = overlaps(fused, fused)
    assert (iou[np.triu_indices(len(fused), 1)] <= 0.3).all()
    assert np.isfinite(areas(fused)).all()


def test_the_shipped_model_runs_on_any_size() -> None:
    detector = OnnxDetector(Model().manifest, threads=1, threshold=0.01)
    manifest = load_manifest(Model().manifest)
    assert detector.model == manifest.model
    for size in ((480, 640), (300, 300)):
        noise = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
        found = detector.detect(noise)
        assert set(found.class_codes) <= set(manifest.classes)
        assert (found.boxes[:, [0, 2]] <= size[1]).all()
        assert (found.boxes[:, [1, 3]] <= size[0]).all()
        assert (np.diff(found.confidences) <= 0).all()


def test_confidences_are_calibrated_and_the_threshold_is_meant_so(model_folder: Path) -> None:
    manifest = model_folder / "manifest.toml"
    raw = manifest.read_text().split("[calibration]")[0]
    table = "\n[calibration]\nslope = 0.8\noffsets = [0.5, -0.5, 1.0, 0.0]\n"
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    manifest.write_text(raw)
    plain = OnnxDetector(manifest, threads=1, threshold=0.005).detect(noise)
    manifest.write_text(raw + table)
    detector = OnnxDetector(manifest, threads=1, threshold=0.02)
    found = detector.detect(noise)

    calibration = Calibration(slope=0.8, offsets=(0.5, -0.5, 1.0, 0.0))
    for index, code in enumerate(detector.classes):
        scores = np.array([c for c, k in zip(plain.confidences, plain.class_codes, strict=True) if k == code])
        wanted = calibration.confidence(scores.astype(np.float32), index)
        confidences = [c for c, k in zip(found.confidences, found.class_codes, strict=True) if k == code and c > 0.05]
        assert confidences == pytest.approx(wanted[wanted > 0.05].tolist(), rel=1e-3)
    assert len(found) > 0
    assert (np.diff(found.confidences) <= 0).all()


@given(st.floats(0.001, 0.999), st.floats(0.2, 3), st.floats(-3, 3))
def test_a_confidence_leads_back_to_its_score(confidence: float, slope: float, offset: float) -> None:
    calibration = Calibration(slope=slope, offsets=(0.0, offset))
    score = calibration.scores(np.array([confidence], np.float32), 1)
    assume(1e-5 < score[0] < 1 - 1e-5)
    assert calibration.confidence(score, 1)[0] == pytest.approx(confidence, abs=0.01)


def test_a_precision_that_the_model_does_not_have_is_named(model_folder: Path) -> None:
    manifest = model_folder / "manifest.toml"
    manifest.write_text(manifest.read_text().split("[int8]")[0])
    with pytest.raises(ModelError, match="int8"):
        OnnxDetector(manifest, threads=1, precision="int8")


def test_an_offset_for_each_class_or_none(model_folder: Path) -> None:
    manifest = model_folder / "manifest.toml"
    plain = manifest.read_text().split("[calibration]")[0]
    manifest.write_text(f"{plain}[calibration]\nslope = 1.0\noffsets = [0.0]\n")
    with pytest.raises(ModelError, match="one for each class"):
        OnnxDetector(manifest, threads=1)


def test_nothing_is_found_in_the_sky_and_boxes_stay_in_the_frame() -> None:
    camera = CameraModel(width_px=640, height_px=384, focal_px=500.0, height_m=2.4, pitch_deg=14.0)
    hole = DrawnDefect(class_code="D40", forward_m=6.5, right_m=0.2, length_m=0.9, width_m=0.9, seed=3)
    image, _ = draw_frame(camera, [hole], seed=3, along_m=20.0)
    upside_down = np.ascontiguousarray(image[::-1])
    detector = OnnxDetector(Model().manifest, threads=1, threshold=0.02)
    for shown in (image, upside_down):
        found = detector.detect(shown)
        assert (found.boxes[:, 3] >= 384 / 3).all()
        assert (found.boxes >= 0).all()
        assert (found.boxes <= [640, 384, 640, 384]).all()
    assert len(detector.detect(image)) > 0


def test_a_frame_without_damage_needs_no_second_look() -> None:
    found = OnnxDetector(Model().manifest, threads=1).detect(np.full((384, 640, 3), 90, np.uint8))
    assert found.boxes.shape == (0, 4)
    assert found.class_codes == ()
    assert set(found.steps_ms) == {"resize", "network", "fuse"}


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    manifest = Model().manifest
    for name in ("manifest.toml", load_manifest(manifest).file):
        shutil.copy(manifest.parent / name, tmp_path)
    return tmp_path


def test_a_changed_model_file_is_refused(model_folder: Path) -> None:
    with (model_folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="SHA-256"):
        OnnxDetector(model_folder / "manifest.toml", threads=1)


def test_a_missing_model_file_is_named(model_folder: Path) -> None:
    (model_folder / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx"):
        OnnxDetector(model_folder / "manifest.toml", threads=1)


def test_classes_that_the_network_does_not_have_are_refused(model_folder: Path) -> None:
    manifest = model_folder / "manifest.toml"
    manifest.write_text(manifest.read_text().split("[calibration]")[0].replace('"D00", ', ""))
    with pytest.raises(ModelError, match="is expected"):
        OnnxDetector(manifest, threads=1)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("threshold = ", "threshold = 7 #", "threshold"),
        ('file = "', 'file = "../', "file"),
        ("name = ", "name = [", "manifest.toml"),
    ],
    ids=["threshold out of range", "path out of the folder", "no TOML"],
)
def test_a_bad_manifest_is_explained(model_folder: Path, old: str, new: str, word: str) -> None:
    manifest = model_folder / "manifest.toml"
    manifest.write_text(manifest.read_text().replace(old, new, 1))
    with pytest.raises(ModelError, match=word):
        OnnxDetector(manifest, threads=1)
