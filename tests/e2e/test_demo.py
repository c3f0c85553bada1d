"""The whole way, as `make demo` goes it: the score is the assertion."""

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.demo import assert_nothing_lost, is_alive, read_summary, running_demo
from tests.waiting import wait_until

PROMISED = set("sent stored lost duplicates found missed invented doubled cases p50_ms p99_ms seed".split())  # noqa: SIM905
STEPS = set("filed dispatched accepted repaired verified reopened rejected".split())  # noqa: SIM905
pytestmark = [pytest.mark.timeout(330), pytest.mark.town]


def test_two_minutes_show_every_step_end_by_themselves_and_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    with running_demo("--for", "120", "--json", str(file), "--seed", "0") as demo:
        pids = demo.pids()
        assert demo.wait(270) == 0, demo.text
        assert demo.leftovers() == []
    summary = read_summary(file)
    assert_nothing_lost(summary)
    assert summary.keys() >= PROMISED
    assert summary["cases_by_step"].keys() == STEPS
    assert [step for step, count in summary["cases_by_step"].items() if count == 0] == []
    assert summary["sent"] == summary["stored"] > 20
    assert summary["is_all_stored"]
    assert summary["is_all_fused"]
    assert summary["found"] > summary["missed"]
    assert summary["observations_shown"] == summary["observations"]
    travel = summary["scenarios"]["safe_travel"]
    assert travel["people"] > 0
    assert travel["rides_told"] <= travel["rides"] <= travel["people"]
    carried = summary["scenarios"]["stops"]
    assert carried["sent"] == carried["stored"] > 0
    assert carried["values"] > 0
    assert carried["flood_told"]
    assert 0 < summary["p50_ms"] <= summary["p99_ms"] < 30_000
    assert [name for name, pid in pids.items() if is_alive(pid)] == []


def test_kill_9_of_ingest_loses_and_doubles_nothing(tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    with running_demo("--for", "24", "--json", str(file), "--full", "1") as demo:
        pids = demo.pids()
        demo.line_with("messages; on the map", timeout_s=30)
        os.kill(pids["ingest"], signal.SIGKILL)
        demo.line_with("ingest died and was started again", timeout_s=15)
        for name in ("work", "serve"):
            os.kill(pids[name], signal.SIGKILL)
        demo.line_with("serve died and was started again", timeout_s=15)
        assert demo.wait(120) == 0, demo.text
    summary = read_summary(file)
    assert_nothing_lost(summary)
    assert summary["restarts"] == 3
    assert summary["sent"] == summary["stored"]
    assert summary["observations_shown"] == summary["observations"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_it_can_be_stopped_at_any_time(number: signal.Signals) -> None:
    with running_demo("--full", "0", "--buses", "2") as demo:
        pids = demo.pids()
        demo.process.send_signal(number)
        assert demo.wait(40) == 130, demo.text
        assert demo.leftovers() == []
    assert [name for name, pid in pids.items() if is_alive(pid)] == []
    assert "stopped; nothing is left running" in demo.text
    assert "Traceback" not in demo.text


def test_it_can_be_stopped_while_it_starts() -> None:
    with running_demo() as demo:
        wait_until(demo.leftovers, 20)
        demo.process.send_signal(signal.SIGINT)
        assert demo.wait(40) == 130, demo.text
        assert demo.leftovers() == []


def test_a_child_that_cannot_go_on_is_reported_with_its_log() -> None:
    with running_demo("--for", "30", "--full", "0", "--buses", "2") as demo:
        pids = demo.pids()
        os.kill(pids["broker"], signal.SIGKILL)
        assert demo.wait(60) == 1
        assert demo.leftovers() == []
    assert "the broker died; its log ends with" in demo.text
    assert [name for name, pid in pids.items() if is_alive(pid)] == []
