"""What is wrong with a prediction: classes by soft binary cross entropy, boxes by GIoU and by their distributions."""

import torch
from torch import Tensor
from torch.nn import functional

from models.road_damage.training.assign import Targets, assign
from models.road_damage.training.data import Batch
from models.road_damage.training.network import BIN_COUNT, FIRST_BIN, Prediction

CLASS_WEIGHT, BOX_WEIGHT, BIN_WEIGHT = 1.0, 2.5, 0.5


def detection_loss(prediction: Prediction, batch: Batch) -> Tensor:
    """Mean loss of a batch, per unit of target score.

    Classes that a picture's source did not label are left out of it.
    """
    boxes = prediction.boxes()
    targets = [
        assign(
            probabilities=prediction.logits[index].detach().sigmoid(),
            predicted=boxes[index].detach(),
            points=prediction.points,
            strides=prediction.strides,
            boxes=batch.boxes[index],
            labels=batch.labels[index],
        )
        for index in range(len(batch.boxes))
    ]
    scores = torch.stack([target.scores for target in targets])
    total = scores.sum().clamp(min=1.0)
    entropy = functional.binary_cross_entropy_with_logits(prediction.logits, scores, reduction="none")
    class_loss = (entropy * batch.is_labelled[:, None, :]).sum() / total
    box_loss, bin_loss = _box_losses(prediction, boxes, targets)
    return CLASS_WEIGHT * class_loss + (BOX_WEIGHT * box_loss + BIN_WEIGHT * bin_loss) / total


def _box_losses(prediction: Prediction, boxes: Tensor, targets: list[Targets]) -> tuple[Tensor, Tensor]:
    """Sums over the positive points, weighted by their target score."""
    is_positive = torch.stack([target.is_positive for target in targets])
    picture, point = is_positive.nonzero(as_tuple=True)
    wanted = torch.stack([target.boxes for target in targets])[picture, point]
    weight = torch.stack([target.scores for target in targets]).sum(-1)[picture, point]
    box_loss = ((1 - giou(boxes[picture, point], wanted)) * weight).sum()
    distances = _distances(wanted, prediction.points[point], prediction.strides[point])
    bin_loss = (bin_entropy(prediction.bins[picture, point], distances) * weight).sum()
    return box_loss, bin_loss


def giou(one: Tensor, other: Tensor) -> Tensor:
    """Generalised IoU of n pairs (Rezatofighi et al. 2019)."""
    shared = (torch.minimum(one[:, 2:], other[:, 2:]) - torch.maximum(one[:, :2], other[:, :2])).clamp(min=0).prod(-1)
    hull = (torch.maximum(one[:, 2:], other[:, 2:]) - torch.minimum(one[:, :2], other[:, :2])).clamp(min=0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(-1) for boxes in (one, other)]
    union = (areas[0] + areas[1] - shared).clamp(min=1e-6)
    return shared / union - (hull - union) / hull.clamp(min=1e-6)


def _distances(boxes: Tensor, points: Tensor, strides: Tensor) -> Tensor:
    """Distances to the four sides (n, 4) as a position among the bins."""
    sides = torch.cat([points - boxes[:, :2], boxes[:, 2:] - points], -1) / strides[:, None]
    return (sides - FIRST_BIN).clamp(0, BIN_COUNT - 1.01)


def bin_entropy(bins: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy with the two bins around the wanted position (Li et al. 2020, generalised focal loss)."""
    lower = wanted.floor()
    share = wanted - lower
    logs = bins.log_softmax(-1)
    index = lower.long()[..., None]
    low, high = logs.gather(-1, index)[..., 0], logs.gather(-1, index + 1)[..., 0]
    return -(low * (1 - share) + high * share).mean(-1)
