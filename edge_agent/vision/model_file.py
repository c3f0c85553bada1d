"""A model's file and the manifest that says how to run it."""

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge_agent.config import Precision, Provider
from edge_agent.errors import ModelError
from edge_agent.vision.providers import check_used, provider_chain
from wire.messages import ModelVersion
from wire.units import ClassCode, Name, Sha256, Share

_BLOCK_BYTES: Final = 1 << 20
_runtime: Any = onnxruntime  # it has no types

FileName = Annotated[str, Field(pattern=r"^[\w.-]+$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
SomeManifest = TypeVar("SomeManifest", bound=BaseModel)


class Weights(BaseModel):
    """A file of a network and what must be in it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: FileName
    sha256: Sha256


class CloseUp(Weights):
    """A second network, which looks at each box from close by."""

    side_px: Annotated[int, Field(ge=32, le=512)]  # of the square that a box's surroundings are stretched to
    context: Annotated[Finite, Field(ge=1, le=8)]  # the surroundings' sides are so many times the box's …
    least: Annotated[Finite, Field(gt=0, le=1)]  # … and at least this share of the root of the frame's area


class Calibration(BaseModel):
    """From a score s to the chance that a box is right: sigmoid(slope * logit(s) + offset of the class).

    Source: Platt 1999, Probabilistic outputs for support vector machines; one offset for each class.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    slope: Annotated[Finite, Field(gt=0)]
    offsets: tuple[Finite, ...]

    def confidence(self, scores: NDArray[np.float32], class_index: int | NDArray[np.int64]) -> NDArray[np.float32]:
        return sigmoid(self.slope * logit(scores) + np.array(self.offsets, np.float32)[class_index])

    def scores(self, confidences: NDArray[np.float32], class_index: int) -> NDArray[np.float32]:
        """The scores that confidences come from."""
        return sigmoid((logit(confidences) - self.offsets[class_index]) / self.slope)


class Manifest(BaseModel):
    """`manifest.toml`; what it says beyond these keys is for people."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Name
    version: Name
    file: FileName
    sha256: Sha256
    input_width: Annotated[int, Field(ge=32, le=4096)]
    input_height: Annotated[int, Field(ge=32, le=4096)]
    input_stride: Annotated[int, Field(ge=1, le=256)]
    input_pad: Annotated[int, Field(ge=0, le=255)] = 0
    classes: Annotated[tuple[ClassCode, ...], Field(min_length=1, max_length=256)]
    threshold: Share
    nms_iou: Share
    calibration: Calibration | None = None
    int8: Weights | None = None
    second_look: CloseUp | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.calibration is not None and len(self.calibration.offsets) != len(self.classes):
            raise ValueError(f"calibration.offsets must be {len(self.classes)} numbers, one for each class")
        return self

    @property
    def model(self) -> ModelVersion:
        return ModelVersion(name=self.name, version=self.version, sha256=self.sha256)

    def weights(self, precision: Precision) -> Weights:
        """The file to run.

        Raises:
            ModelError: there is none of this precision.
        """
        if precision == "fp32":
            return Weights(file=self.file, sha256=self.sha256)
        if self.int8 is None:
            raise ModelError(f"model {self.name} {self.version} has no file of precision {precision}")
        return self.int8


def load_manifest(path: Path) -> Manifest:
    """Read a detector's manifest.

    Raises:
        ModelError: it cannot be read or does not say what is needed.
    """
    return read_manifest(Manifest, path)


def read_manifest(kind: type[SomeManifest], path: Path) -> SomeManifest:
    """Read a manifest of any kind.

    Raises:
        ModelError: it cannot be read or does not say what is needed.
    """
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ModelError(f"manifest {path}: {error}") from error


class Network:
    """A network with one input, ready to run."""

    def __init__(
        self,
        folder: Path,
        weights: Weights,
        *,
        threads: int,
        provider: Provider = "cpu",
        engine_cache: Path | None = None,
    ) -> None:
        """Load the file that a manifest in the folder names.

        Raises:
            ModelError: the file is missing, is another one, or is no network; or the provider is not there.
        """
        path = folder / weights.file
        found = _sha256(path)
        if found != weights.sha256:
            raise ModelError(f"{path} has SHA-256 {found}; its manifest expects {weights.sha256}")
        providers = provider_chain(provider, cache=engine_cache)
        options = _runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        try:
            self._session = _runtime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # its errors have no class of their own
            raise ModelError(f"{path} is no network that can be run: {error}") from error
        check_used(provider, self._session.get_providers())
        self._input: str = self._session.get_inputs()[0].name

    def run(self, inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """All outputs, in the network's order."""
        return [np.asarray(output, np.float32) for output in self._session.run(None, {self._input: inputs})]


def logit(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithm of the odds; 0 and 1 count as the nearest that can be told from them."""
    inside = np.clip(shares, 1e-6, 1 - 1e-6).astype(np.float64)
    return np.log(inside / (1 - inside)).astype(np.float32)


def sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return (1 / (1 + np.exp(-values))).astype(np.float32)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    return digest.hexdigest()
