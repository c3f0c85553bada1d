"""A short form of `busense chaos`: the long one's table is in benchmarks/README.md."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = 10


@pytest.mark.town
@pytest.mark.timeout(900)
def test_town_that_is_broken_over_and_over_loses_and_doubles_nothing(tmp_path: Path) -> None:
    told = tmp_path / "chaos.json"
    command = [sys.executable, "-m", "busense", "chaos", "--faults", str(FAULTS), "--seed", "4", "--buses", "3"]
    command += ["--pause", "1", "--json", str(told), "--keep", str(tmp_path / "kept")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=880, check=False)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    numbers = json.loads(told.read_text())
    assert (numbers["faults"], numbers["lost"], numbers["doubled"], numbers["cases_doubled"]) == (FAULTS, 0, 0, 0)
    assert numbers["messages"] > 0
    assert set(numbers["peak_memory_mb"]) == {
        "broker",
        "ingest",
        "postgres",
        "relay",
        "serve",
        "simulator",
        "station",
        "stop",
        "work",
    }
