from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from edge_agent.config import Model
from edge_agent.errors import ModelError
from edge_agent.vision.detector import open_detector
from edge_agent.vision.providers import check_used, provider_chain

RUNTIME: Any = onnxruntime  # it has no types
CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"


@pytest.fixture
def jetson(monkeypatch: pytest.MonkeyPatch) -> None:
    """NVIDIA's build, as its list of providers shows it."""
    monkeypatch.setattr(RUNTIME, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])


def test_the_cpu_needs_nothing() -> None:
    assert provider_chain("cpu") == [(CPU, {})]


def test_a_provider_that_is_not_installed_is_refused_by_name() -> None:
    if CUDA in RUNTIME.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(ModelError, match=r'"cuda" needs CUDAExecutionProvider.*here has .*CPU.*deploy/README.md'):
        provider_chain("cuda")


def test_a_configuration_with_a_missing_provider_stops_at_the_start() -> None:
    if TENSORRT in RUNTIME.get_available_providers():
        pytest.skip("this ONNX Runtime has TensorRT")
    with pytest.raises(ModelError, match=r'model.provider "tensorrt"'):
        open_detector(Model(provider="tensorrt"))


@pytest.mark.usefixtures("jetson")
def test_what_the_gpu_cannot_do_falls_to_the_next() -> None:
    assert [name for name, _ in provider_chain("tensorrt")] == [TENSORRT, CUDA, CPU]
    assert [name for name, _ in provider_chain("cuda")] == [CUDA, CPU]


@pytest.mark.usefixtures("jetson")
def test_engines_are_kept_where_the_configuration_says() -> None:
    (_, without), *_ = provider_chain("tensorrt")
    (_, options), *_ = provider_chain("tensorrt", cache=Path("/var/engines"))
    assert without == {}
    assert options == {"trt_engine_cache_enable": "True", "trt_engine_cache_path": "/var/engines"}


def test_a_silent_fall_back_is_refused() -> None:
    check_used("cuda", [CUDA, CPU])
    with pytest.raises(ModelError, match="fell back to CPUExecutionProvider"):
        check_used("cuda", [CPU])
