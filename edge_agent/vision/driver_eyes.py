"""What looks at a driver: our own way by the mesh of the face, or a network of whoever set it.

Such a network is an ONNX file whose input is one picture (1, 3, height, width), RGB from 0 to 1, and whose output is
four numbers: openness of both eyes from 0 to 1, and the head's turn to the right and upwards in degrees, against
straight ahead. What it does not see is NaN.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import onnxruntime

from edge_agent.config import DriverCamera
from edge_agent.errors import ModelError
from edge_agent.readings import EyesReading, FrameReading
from edge_agent.vision.driver_phone import PhoneNetwork
from edge_agent.vision.face_mesh import FaceMesh
from edge_agent.vision.usual import Usual

OUTPUTS: Final = 4
_DIMENSIONS: Final = 4
_runtime: Any = onnxruntime  # its types are not known


class MeshEyes:
    """By the mesh of the face and the outlines of the eyes, against what is usual for who sits there."""

    def __init__(self, mesh: FaceMesh) -> None:
        self._mesh = mesh
        self._usual = Usual()

    def look(self, frame: FrameReading) -> EyesReading:
        """Look at one picture."""
        return self._usual.compare(self._mesh.look(frame.image), at=frame.at)


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

    def look(self, frame: FrameReading) -> EyesReading:
        """Look at one picture.

        Raises:
            ModelError: the output is not four numbers.
        """
        small = cv2.cvtColor(cv2.resize(frame.image, self._size), cv2.COLOR_BGR2RGB).astype(np.float32) / 255.0
        found = self._session.run(None, {self._name: small.transpose(2, 0, 1)[None]})
        values = np.asarray(found[0], dtype=np.float64).ravel().tolist()
        if len(values) != OUTPUTS:
            raise ModelError(f"the model of the driver's camera gives {len(values)} numbers; {OUTPUTS} are expected")
        left, right, turned_deg, up_deg = values
        seen = [openness for openness in (left, right) if math.isfinite(openness)]
        away_deg = math.hypot(turned_deg, up_deg)
        return EyesReading(
            at=frame.at,
            openness=max(seen) if seen else None,  # one eye may lie in the shadow
            away_deg=away_deg if math.isfinite(away_deg) else None,
        )


class EyesAndPhone:
    """Eyes, and whether the hands hold a phone."""

    def __init__(self, eyes: MeshEyes | OnnxEyes, phone: PhoneNetwork) -> None:
        self._eyes, self._phone = eyes, phone

    def look(self, frame: FrameReading) -> EyesReading:
        """Look at one picture twice.

        Raises:
            ModelError: a network does not give what it should.
        """
        return replace(self._eyes.look(frame), phone=self._phone.look(frame.image))


def open_eyes(settings: DriverCamera, faces: Path) -> MeshEyes | OnnxEyes | EyesAndPhone:
    """Open what a configuration names.

    Raises:
        ModelError: it cannot be used.
    """
    eyes = MeshEyes(FaceMesh(settings.manifest, faces)) if settings.model is None else OnnxEyes(settings.model)
    return eyes if settings.phone is None else EyesAndPhone(eyes, PhoneNetwork(settings.phone))
