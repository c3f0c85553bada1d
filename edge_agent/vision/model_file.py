"""A model's file and the manifest that says how to run it."""

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.errors import ModelError
from wire.messages import ModelVersion
from wire.units import ClassCode, Name, Sha256, Share

_BLOCK_BYTES: Final = 1 << 20
_runtime: Any = onnxruntime  # it has no types


class Manifest(BaseModel):
    """`manifest.toml`; what it says beyond these keys is for people."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Name
    version: Name
    file: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    sha256: Sha256
    input_width: Annotated[int, Field(ge=32, le=4096)]
    input_height: Annotated[int, Field(ge=32, le=4096)]
    input_stride: Annotated[int, Field(ge=1, le=256)]
    input_pad: Annotated[int, Field(ge=0, le=255)] = 0
    classes: Annotated[tuple[ClassCode, ...], Field(min_length=1, max_length=256)]
    threshold: Share
    nms_iou: Share

    @property
    def model(self) -> ModelVersion:
        return ModelVersion(name=self.name, version=self.version, sha256=self.sha256)


def load_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        ModelError: it cannot be read or does not say what is needed.
    """
    try:
        return Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ModelError(f"manifest {path}: {error}") from error


class Network:
    """A network with one input, ready to run."""

    def __init__(self, manifest_path: Path, manifest: Manifest, *, threads: int) -> None:
        """Load the file that the manifest names.

        Raises:
            ModelError: the file is missing, is another one, or is no network.
        """
        path = manifest_path.parent / manifest.file
        found = _sha256(path)
        if found != manifest.sha256:
            raise ModelError(f"{path} has SHA-256 {found}; {manifest_path} expects {manifest.sha256}")
        options = _runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        try:
            self._session = _runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no class of their own
            raise ModelError(f"{path} is no network that can be run: {error}") from error
        self._input: str = self._session.get_inputs()[0].name

    def run(self, inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """All outputs, in the network's order."""
        return [np.asarray(output, np.float32) for output in self._session.run(None, {self._input: inputs})]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    return digest.hexdigest()
