"""On what a network runs: ONNX Runtime's execution providers, by the configuration's words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import onnxruntime

from edge_agent.config import Provider
from edge_agent.errors import ModelError

_runtime: Any = onnxruntime  # it has no types

ProviderOptions = tuple[str, dict[str, str]]

_CPU: Final = "CPUExecutionProvider"
_CUDA: Final = "CUDAExecutionProvider"
_TENSORRT: Final = "TensorrtExecutionProvider"
_ORDER: Final = (_TENSORRT, _CUDA, _CPU)
_WANTED: Final[dict[Provider, str]] = {"cpu": _CPU, "cuda": _CUDA, "tensorrt": _TENSORRT}


def provider_chain(provider: Provider, *, cache: Path | None = None) -> list[ProviderOptions]:
    """Providers with their options, the wanted one first; those after it take what it cannot do.

    `cache` is a folder for the engines that TensorRT builds: minutes on a Jetson, each time it has none.

    Raises:
        ModelError: the installed ONNX Runtime was built without the wanted one.
    """
    available: list[str] = _runtime.get_available_providers()
    if _WANTED[provider] not in available:
        raise ModelError(
            f'model.provider "{provider}" needs {_WANTED[provider]}, but ONNX Runtime {_runtime.__version__} here has '
            f"{', '.join(available)}; see deploy/README.md, Jetson"
        )
    chain = _ORDER[_ORDER.index(_WANTED[provider]) :]
    return [(name, _engines(cache) if name == _TENSORRT else {}) for name in chain if name in available]


def check_used(provider: Provider, used: Sequence[str]) -> None:
    """Refuse a silent fall back: a session goes on without a provider whose libraries cannot be loaded.

    Raises:
        ModelError: the session does not run on the wanted provider.
    """
    if _WANTED[provider] not in used:
        raise ModelError(
            f'model.provider "{provider}": {_WANTED[provider]} could not be started, ONNX Runtime fell back to '
            f"{', '.join(used)}; are the libraries of CUDA, cuDNN and TensorRT there, in the versions it was built for?"
        )


def _engines(cache: Path | None) -> dict[str, str]:
    if cache is None:
        return {}
    return {"trt_engine_cache_enable": "True", "trt_engine_cache_path": str(cache)}
