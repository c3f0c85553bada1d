"""From the thousands of boxes a detector proposes to one box per thing, in plain numpy."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]  # (n, 4) xyxy px
Scores = NDArray[np.float32]  # (n,)
ClassScores = NDArray[np.float32]  # (n, classes)
ClassIndices = NDArray[np.int64]  # (n,)

# Measured on the road damage validation set, micro F1: NMS alone .470 to .486, fusing first .502.
SAME_THING_IOU = 0.5
SCORE_POWER = 3
INSIDE_SHARE = 0.7  # of the smaller box: a piece of a crack inside the whole crack
CANDIDATE_SCORE = 0.1  # proposals below help no box; thresholds lie above
MOST_CANDIDATES = 300


def fused(
    boxes: Boxes, class_scores: ClassScores, *, threshold: float, nms_iou: float
) -> tuple[Boxes, Scores, ClassIndices]:
    """Fuse same-class proposals of one thing, then suppress what overlaps a better box of its class.

    Returns:
        Boxes, scores and class indices of what reaches the threshold, best first.
    """
    parts = [_fused_class(boxes, class_scores[:, index], nms_iou=nms_iou) for index in range(class_scores.shape[1])]
    all_boxes = np.concatenate([part for part, _ in parts])
    scores = np.concatenate([part for _, part in parts])
    classes = np.concatenate([np.full(len(part), index, np.int64) for index, (_, part) in enumerate(parts)])
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= threshold]
    return all_boxes[order], scores[order], classes[order]


def overlaps(box: NDArray[np.float32], boxes: Boxes) -> tuple[Scores, Scores]:
    """Intersection over union, and over the smaller of the two, of one box with each of many."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    area = np.prod(box[2:] - box[:2])
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = np.maximum(area + areas - shared, 1e-6)
    smaller = np.maximum(np.minimum(area, areas), 1e-6)
    return (shared / union).astype(np.float32), (shared / smaller).astype(np.float32)


def _fused_class(boxes: Boxes, scores: Scores, *, nms_iou: float) -> tuple[Boxes, Scores]:
    chosen = np.flatnonzero(scores >= CANDIDATE_SCORE)
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")][:MOST_CANDIDATES]
    return _suppressed(*_merged(boxes[chosen], scores[chosen]), nms_iou=nms_iou)


def _merged(boxes: Boxes, scores: Scores) -> tuple[Boxes, Scores]:
    """Weighted mean of each best box and the proposals that mean the same thing; its score stays the best one."""
    merged: list[NDArray[np.float32]] = []
    best: list[float] = []
    left = np.arange(len(boxes))
    while left.size:
        iou, _ = overlaps(boxes[left[0]], boxes[left])
        is_same = iou > SAME_THING_IOU
        is_same[0] = True
        same = left[is_same]
        merged.append(np.average(boxes[same], axis=0, weights=scores[same] ** SCORE_POWER).astype(np.float32))
        best.append(float(scores[left[0]]))
        left = left[~is_same]
    return np.array(merged, np.float32).reshape(-1, 4), np.array(best, np.float32)


def _suppressed(boxes: Boxes, scores: Scores, *, nms_iou: float) -> tuple[Boxes, Scores]:
    """Boxes, best first, without those that overlap a better one."""
    kept: list[int] = []
    left = np.arange(len(boxes))
    while left.size:
        kept.append(int(left[0]))
        iou, inside = overlaps(boxes[left[0]], boxes[left[1:]])
        left = left[1:][(iou <= nms_iou) & (inside <= INSIDE_SHARE)]
    return boxes[kept], scores[kept]
