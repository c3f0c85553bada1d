"""A camera that looks at the driver. Its pictures end here: what leaves is how open the eyes are, and where they look.

No model comes with this: any ONNX file serves whose input is one picture (1, 3, height, width), RGB from 0 to 1, and
whose output is four numbers: openness of both eyes from 0 to 1, and the head's turn to the right and upwards in
degrees. What it does not see is NaN.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np
import onnxruntime

from edge_agent.errors import ModelError
from edge_agent.readings import EyesReading, FrameReading, Image, Reading, Source

OUTPUTS: Final = 4
_DIMENSIONS: Final = 4
_runtime: Any = onnxruntime  # its types are not known


class Eyes(Protocol):
    """Finds the eyes of who is in a picture."""

    def look(self, image: Image) -> tuple[float, float, float, float]:
        """Openness left and right, turn to the right and upwards in degrees; NaN for what is not seen."""
        ...


class OnnxEyes:
    """A network that was put there by whoever may."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ModelError: it cannot be opened, or its input is no picture.
        """
        options = _runtime.SessionOptions()
        options.intra_op_num_threads = 1  # the road's detector keeps its cores
        try:
            self._session: Any = _runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library raises its own kinds for each fault of a file
            raise ModelError(f"{path} cannot be opened: {error}") from error
        (wanted, *_) = self._session.get_inputs()
        shape: list[object] = list(wanted.shape)
        height, width = (shape[2], shape[3]) if len(shape) == _DIMENSIONS else (None, None)
        if not (isinstance(height, int) and isinstance(width, int)):
            raise ModelError(f"{path}: an input (1, 3, height, width) is expected, {shape} is there")
        self._name: str = wanted.name
        self._size = width, height

    def look(self, image: Image) -> tuple[float, float, float, float]:
        """Look at one picture.

        Raises:
            ModelError: the output is not four numbers.
        """
        small = cv2.cvtColor(cv2.resize(image, self._size), cv2.COLOR_BGR2RGB).astype(np.float32) / 255.0
        found = self._session.run(None, {self._name: small.transpose(2, 0, 1)[None]})
        values = np.asarray(found[0], dtype=np.float64).ravel().tolist()
        if len(values) != OUTPUTS:
            raise ModelError(f"the model of the driver's camera gives {len(values)} numbers; {OUTPUTS} are expected")
        left, right, turned, up = values
        return left, right, turned, up


class DriverCameraSource:
    """Yields what the eyes do; never a picture."""

    is_live = True

    def __init__(self, camera: Source, eyes: Eyes) -> None:
        self._camera, self._eyes = camera, eyes

    def readings(self) -> Iterator[Reading]:
        for frame in self._camera.readings():
            if isinstance(frame, FrameReading):
                yield self._seen(frame)

    def _seen(self, frame: FrameReading) -> EyesReading:
        left, right, turned, _ = self._eyes.look(frame.image)
        seen = [openness for openness in (left, right) if math.isfinite(openness)]
        return EyesReading(
            at=frame.at,
            openness=max(seen) if seen else None,  # one eye may lie in the shadow
            turned_deg=turned if math.isfinite(turned) else None,
        )
