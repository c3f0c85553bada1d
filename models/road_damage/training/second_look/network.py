"""The second look's network: the first half of the body, features at strides 4, 8 and 16, one row for each direction.

Sides are told along one axis at a time (after Wang et al. 2020, side-aware boundary localization): the features are
summed over rows or columns, each weighted by attention, and a distribution over places is read from what is left.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.road_damage.training.body import Block, Body, ConvAct
from models.road_damage.training.network import CLASSES, doubled

CHANNELS = 64
TAPS = {2: 24, 4: 40, 7: 80}  # blocks whose output is used, and its channels: strides 4, 8, 16
BIN_COUNT = 48  # places along one side of the view


class SecondLook(nn.Module):
    def __init__(self, body: Body) -> None:
        """The body may carry pretrained weights."""
        super().__init__()
        self.stem = body.stem
        self.blocks: Sequence[Block] = nn.ModuleList(list(body.blocks)[: max(TAPS) + 1])  # pyright: ignore[reportAttributeAccessIssue]
        for block in self.blocks:
            block.requires_grad_(requires_grad=True)
        self.lateral = nn.ModuleList([ConvAct(channels, CHANNELS, kernel=1) for channels in TAPS.values()])
        self.mix = nn.Sequential(ConvAct(CHANNELS, CHANNELS, kernel=3), ConvAct(CHANNELS, CHANNELS, kernel=3))
        self.attention = nn.Conv2d(CHANNELS, 2, 1)
        self.sides = nn.ModuleList([_side_layers() for _ in range(2)])
        self.classify = nn.Sequential(
            nn.Linear(2 * CHANNELS, CHANNELS), nn.ReLU(), nn.Dropout(0.2), nn.Linear(CHANNELS, len(CLASSES) + 1)
        )

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Look at views (b, 3, h, w), RGB, already normalised.

        Returns:
            Logits of places (b, 4, BIN_COUNT) of left, top, right and bottom, and of classes (b, classes + 1), the last
            of which is nothing.
        """
        fine, middle, coarse = self._features(views)
        feature = self.mix(doubled(middle + doubled(coarse)) + fine)
        columns, rows = self.attention(feature).chunk(2, 1)
        left, right = self.sides[0](_doubled_row((columns.softmax(2) * feature).sum(2))).unbind(1)
        top, bottom = self.sides[1](_doubled_row((rows.softmax(3) * feature).sum(3))).unbind(1)
        pooled = torch.cat([feature.mean((2, 3)), feature.amax((2, 3))], 1)
        return torch.stack([left, top, right, bottom], 1), self.classify(pooled)

    def _features(self, views: Tensor) -> list[Tensor]:
        feature = functional.relu6(self.stem(views))
        taps: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            feature = block(feature)
            if index in TAPS:
                taps.append(self.lateral[len(taps)](feature))
        return taps


def places(logits: Tensor) -> Tensor:
    """Mean place of each side (b, 4), as a share of the view."""
    steps = (torch.arange(BIN_COUNT, dtype=logits.dtype) + 0.5) / BIN_COUNT
    return (logits.softmax(-1) * steps).sum(-1)


def _side_layers() -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(CHANNELS, CHANNELS, 3, padding=1), nn.ReLU(), nn.Conv1d(CHANNELS, 2, 3, padding=1))


def _doubled_row(row: Tensor) -> Tensor:
    return functional.interpolate(row, scale_factor=2.0, mode="linear")
