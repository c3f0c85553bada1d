"""The road damage detector: ONNX Runtime before, fusing of boxes after."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.config import FurnitureSettings, Model, Precision, Provider, Shadow
from edge_agent.errors import ModelError
from edge_agent.laps import Laps
from edge_agent.readings import Image
from edge_agent.vision.detections import Boxes, Detections, Scores, no_detections, overlaps
from edge_agent.vision.model_file import Calibration, CloseUp, Network, load_manifest
from edge_agent.vision.preprocess import Ahead, Fit, InputShape
from edge_agent.vision.second_look import Candidates, SecondLook, no_candidates, together
from wire.messages import ModelVersion

Found = NDArray[np.float32]  # (n, 4 + classes): box of the input, score of each class
FUSE_IOU: Final = 0.4
TALLER: Final = 0.05  # of a fused box's height: the network draws what lies across the road too flat
SKY_SHARE: Final = 1 / 3  # of the picture's height: what ends above is no road
MAX_COVERED: Final = 0.7  # share of the smaller box: a piece of a crack inside the whole crack
MAX_CANDIDATES: Final = 200  # boxes per class that are fused at all; the rest cannot be the best of anything
FUSE_FROM: Final = 0.02  # score; weaker boxes than the threshold still help to place a stronger one


class OnnxDetector:
    """Runs the network that a manifest describes, for one thread at a time."""

    def __init__(
        self,
        manifest_path: Path,
        *,
        threads: int,
        threshold: float | None = None,
        precision: Precision = "fp32",
        provider: Provider = "cpu",
        engine_cache: Path | None = None,
    ) -> None:
        """Load the model and check that it is what the manifest says; `threshold` is a calibrated confidence.

        Raises:
            ModelError: file, manifest and network do not belong together.
        """
        manifest = load_manifest(manifest_path)
        self._network = Network(
            manifest_path.parent,
            manifest.weights(precision),
            threads=threads,
            provider=provider,
            engine_cache=engine_cache,
        )
        self._second_look = _open_second_look(manifest_path.parent, manifest.second_look)
        self._ahead = Ahead(
            InputShape(
                width_px=manifest.input_width,
                height_px=manifest.input_height,
                stride_px=manifest.input_stride,
                pad=manifest.input_pad,
            )
        )
        self.classes = manifest.classes
        self._calibration = manifest.calibration or Calibration(slope=1.0, offsets=(0.0,) * len(manifest.classes))
        lowest = np.array(manifest.threshold if threshold is None else threshold, np.float32)
        self._lowest_scores = [float(self._calibration.scores(lowest, index)) for index in range(len(self.classes))]
        self._lowest_candidate = min(FUSE_FROM, *self._lowest_scores)
        self._nms_iou = manifest.nms_iou
        sha256 = manifest.weights(precision).sha256
        self._model = ModelVersion(name=manifest.name, version=manifest.version, sha256=sha256)
        self.detect(np.zeros((manifest.input_height, manifest.input_width, 3), np.uint8))

    @property
    def model(self) -> ModelVersion:
        return self._model

    def detect(self, image: Image) -> Detections:
        """Boxes above the threshold in pixels of the frame with their calibrated confidence, best first."""
        laps = Laps()
        padded, fit = self._ahead.take(image)
        laps.end("resize")
        found = self._network.run(padded[None])[0]
        laps.end("network")
        if found.ndim != 2 or found.shape[1] != 4 + len(self.classes):  # noqa: PLR2004 - matrix, four edges
            raise ModelError(f"output has shape {found.shape}; (n, {4 + len(self.classes)}) is expected")
        candidates = self._candidates(found, fit)
        laps.end("fuse")
        if not len(candidates):  # most frames of most roads
            return replace(no_detections(), steps_ms=laps.steps_ms)
        if self._second_look is not None:
            candidates = self._without_doubles(self._second_look.look(image, candidates))
            laps.end("second look")
        return replace(self._told(candidates, fit), steps_ms=laps.steps_ms)

    def prepare(self, image: Image) -> None:
        """Fit the frame that comes next into the network's input; another thread may do it while this one detects."""
        self._ahead.prepare(image)

    def _candidates(self, found: Found, fit: Fit) -> Candidates:
        scores = np.ascontiguousarray(found[:, 4:].T)  # (classes, n): rows of four are slow to look through
        reached = scores.max(axis=1, initial=0.0).tolist()
        able = [i for i, lowest in enumerate(self._lowest_scores) if reached[i] >= lowest]
        if not able:
            return no_candidates()
        possible = np.flatnonzero(scores.max(axis=0) >= self._lowest_candidate)
        boxes = fit.to_frame(found[possible, :4])
        is_on_road = boxes[:, 3] >= SKY_SHARE * fit.frame_height_px
        boxes, scores = boxes[is_on_road], scores[:, possible[is_on_road]]
        return together([self._of_class(boxes, scores[i], i) for i in able])

    def _of_class(self, boxes: Boxes, scores: Scores, index: int) -> Candidates:
        fused, best = fuse_boxes(boxes, scores, threshold=self._lowest_scores[index], nms_iou=self._nms_iou)
        return Candidates(boxes=fused, scores=best, labels=np.full(len(best), index))

    def _without_doubles(self, found: Candidates) -> Candidates:
        """What is still above the threshold; two pieces of a crack may both have become the whole one."""
        found = found.where(found.scores >= np.array(self._lowest_scores, np.float32)[found.labels])
        found = found.where(np.argsort(-found.scores, kind="stable"))
        of_classes = [found.where(found.labels == label) for label in sorted(set(found.labels.tolist()))]
        return together([no_candidates(), *(own.where(apart(own.boxes, self._nms_iou)) for own in of_classes)])

    def _told(self, found: Candidates, fit: Fit) -> Detections:
        """Calibrated, best first."""
        confidences = self._calibration.confidence(found.scores, found.labels)
        order = np.argsort(-confidences, kind="stable")
        labels: list[int] = found.labels[order].tolist()
        limits = [fit.frame_width_px, fit.frame_height_px] * 2
        return Detections(
            boxes=np.clip(found.boxes[order], 0, limits).astype(np.float32),
            confidences=confidences[order],
            class_codes=tuple([self.classes[label] for label in labels]),
        )


def _open_second_look(folder: Path, close_up: CloseUp | None) -> SecondLook | None:
    """On one thread of the CPU whatever runs the first: threads of two networks wait for each other.

    And TensorRT would build an engine anew for each other number of boxes.
    """
    return None if close_up is None else SecondLook(Network(folder, close_up, threads=1), close_up)


def open_detector(settings: Model) -> OnnxDetector:
    """The detector that a configuration asks for; OpenCV gets one thread, the others are the network's.

    Raises:
        ModelError: it cannot be run so.
    """
    cv2.setNumThreads(1)
    return OnnxDetector(
        settings.manifest,
        threads=settings.threads,
        precision=settings.precision,
        provider=settings.provider,
        engine_cache=settings.engine_cache,
    )


def open_shadow(settings: Shadow) -> OnnxDetector:
    """The detector that only looks on; it has one thread.

    Raises:
        ModelError: it cannot be run.
    """
    return OnnxDetector(settings.manifest, threads=1)


def open_furniture(settings: FurnitureSettings | None) -> OnnxDetector | None:
    """The detector of things beside the road, where one is configured.

    Raises:
        ModelError: it cannot be run.
    """
    return None if settings is None else OnnxDetector(settings.manifest, threads=settings.threads)


def fuse_boxes(boxes: Boxes, scores: Scores, *, threshold: float, nms_iou: float) -> tuple[Boxes, Scores]:
    """Fuse boxes (n, 4) of one class that show the same thing, then keep the best of those that overlap.

    A fused box is the mean of its group weighted by score, a little taller, and keeps the best score. Long thin cracks
    are found in pieces: plain suppression keeps one piece, the mean is nearer to the whole. How the constants were
    chosen stands in the card of the road damage model.
    """
    able = np.flatnonzero(scores >= min(FUSE_FROM, threshold))
    if not (scores[able] >= threshold).any():
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    order = able[np.argsort(-scores[able], kind="stable")[:MAX_CANDIDATES]]
    boxes, scores = boxes[order], scores[order]
    iou, _ = overlaps(boxes, boxes)
    free = np.ones(len(boxes), bool)
    fused: list[Boxes] = []
    best: list[np.float32] = []
    for i in range(len(boxes)):
        if scores[i] < threshold:
            break
        if free[i]:
            group = free & (iou[i] > FUSE_IOU)
            group[i] = True
            free &= ~group
            weights = scores[group]
            fused.append((boxes[group] * weights[:, None]).sum(0) / weights.sum())
            best.append(scores[i])
    taller = _taller(np.stack(fused).astype(np.float32))
    kept = apart(taller, nms_iou)
    return taller[kept], np.array(best, np.float32)[kept]


def _taller(boxes: Boxes) -> Boxes:
    more = TALLER / 2 * (boxes[:, 3] - boxes[:, 1])
    sides = [boxes[:, 0], boxes[:, 1] - more, boxes[:, 2], boxes[:, 3] + more]
    return np.stack(sides, axis=1).astype(np.float32)


def apart(boxes: Boxes, nms_iou: float) -> NDArray[np.int64]:
    """Places of the boxes (best first) that do not overlap a better one."""
    if len(boxes) == 1:
        return np.zeros(1, np.int64)
    iou, covered = overlaps(boxes, boxes)
    clashes = (iou > nms_iou) | (covered > MAX_COVERED)
    kept: list[int] = []
    for i in range(len(boxes)):
        if not clashes[i, kept].any():
            kept.append(i)
    return np.array(kept, np.int64)
