"""Whether a driver holds a phone, by a network of whoever has one: none is shipped.

Any ONNX file that tells classes of one whole picture will do. Its input is (1, 3, height, width), RGB; its first output
is a number for each class. The manifest beside it says the rest:

    name = "phone"
    version = "1"
    file = "phone.onnx"
    sha256 = "..."
    input_width = 224
    input_height = 224
    classes = ["none", "ear", "hand"]  # what its numbers stand for, in their order
    phone = ["ear", "hand"]            # those of them that are a phone
    activation = "softmax"             # what is still to be done with the numbers: none, sigmoid or softmax
    mean = [0.485, 0.456, 0.406]       # taken off the colours, which go from 0 to 1 ...
    deviation = [0.229, 0.224, 0.225]  # ... and what they are divided by
"""

from pathlib import Path
from typing import Annotated, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from edge_agent.errors import ModelError
from edge_agent.readings import Image
from edge_agent.vision.model_file import Finite, Network, Weights, read_manifest, sigmoid
from wire.units import Name

Colours = tuple[Finite, Finite, Finite]
Scores = NDArray[np.float32]  # (classes,)


class PhoneManifest(Weights):
    """`manifest.toml` of a network that knows phones."""

    name: Name
    version: Name
    input_width: Annotated[int, Field(ge=8, le=4096)]
    input_height: Annotated[int, Field(ge=8, le=4096)]
    classes: Annotated[tuple[Name, ...], Field(min_length=1, max_length=1024)]
    phone: Annotated[tuple[Name, ...], Field(min_length=1)]
    activation: Literal["none", "sigmoid", "softmax"]
    mean: Colours = (0.0, 0.0, 0.0)
    deviation: Colours = (1.0, 1.0, 1.0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        unknown = set(self.phone) - set(self.classes)
        if unknown:
            raise ValueError(f"phone names {', '.join(sorted(unknown))}, which classes does not")
        if not all(self.deviation):
            raise ValueError("deviation must not be 0")
        return self


class PhoneNetwork:
    """Looks at whole pictures of the driver's place."""

    def __init__(self, manifest: Path) -> None:
        """Open what a manifest names, and try it.

        Raises:
            ModelError: it cannot be used.
        """
        self._manifest = read_manifest(PhoneManifest, manifest)
        self._network = Network(manifest.parent, self._manifest, threads=1)  # the road's detector keeps its cores
        self._counted = [code in self._manifest.phone for code in self._manifest.classes]
        self.look(np.zeros((self._manifest.input_height, self._manifest.input_width, 3), np.uint8))

    def look(self, image: Image) -> float:
        """Belief that a phone is held, from 0 to 1.

        Raises:
            ModelError: the network cannot be run on a picture, or its output is not a number for each class.
        """
        try:
            scores = self._network.run(self._prepared(image))[0].ravel()
        except Exception as error:  # the runtime's errors have no class of their own
            raise ModelError(f"model {self._manifest.name} takes no picture of this size: {error}") from error
        if len(scores) != len(self._counted):
            raise ModelError(
                f"model {self._manifest.name} gives {len(scores)} numbers; {len(self._counted)} classes are expected"
            )
        return float(np.clip(self._shares(scores)[self._counted].sum(), 0.0, 1.0))

    def _prepared(self, image: Image) -> NDArray[np.float32]:
        size = self._manifest.input_width, self._manifest.input_height
        colours = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB) / 255.0
        scaled = (colours - self._manifest.mean) / self._manifest.deviation
        return scaled.transpose(2, 0, 1)[None].astype(np.float32)

    def _shares(self, scores: Scores) -> Scores:
        match self._manifest.activation:
            case "none":
                return scores
            case "sigmoid":
                return sigmoid(scores)
            case "softmax":
                powers = np.exp(scores - scores.max())
                return powers / powers.sum()
