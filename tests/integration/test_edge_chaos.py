"""The agent is killed again and again while its network misbehaves: nothing is lost, nothing counts twice."""

import os
import random
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulator.faults.link import SOUND, Behaviour, FaultyLink
from tests.conftest import RunningBroker
from tests.integration.ingest_database import enrol_devices, query, value
from tests.integration.ingest_process import running_ingesters
from tests.unit.edge_agent.scenes import CAMERA
from tests.waiting import wait_until

PROGRAM = Path(__file__).with_name("agent_process.py")
ROOT = Path(__file__).parents[2]
STARTS_WITHIN_S = 100.0
TROUBLES = [
    Behaviour(is_cut=True),
    Behaviour(is_stalled=True),
    Behaviour(delay_s=0.05, bytes_per_s=20_000),
    Behaviour(doubled=0.5, overtaken=0.5),
    Behaviour(doubled=0.5, overtaken=0.5, delay_s=0.01),
]
IDS = """
SELECT id::text FROM observations UNION ALL SELECT id::text FROM coverages UNION ALL SELECT id::text FROM health_reports
UNION ALL SELECT DISTINCT id::text FROM track_points
"""


def configuration(folder: Path, broker: RunningBroker, url: str) -> Path:
    (folder / "secret").write_text(broker.device_secrets["bus-1"])
    path = folder / "agent.toml"
    path.write_text(
        f"""
[identity]
city = "{broker.city}"
device = "bus-1"
secret_file = "secret"
[broker]
url = "{url}"
[cloud]
url = "http://127.0.0.1:9"
[camera]
width_px = {CAMERA.width_px}
height_px = {CAMERA.height_px}
focal_px = {CAMERA.focal_px}
height_m = {CAMERA.height_m}
pitch_deg = {CAMERA.pitch_deg}
[privacy]
faces = "none"
[coverage]
stretch_m = 20
[track]
batch_s = 1
[health]
every_s = 1
[outbox]
path = "outbox.db"
"""
    )
    return path


class Truth:
    """What the pipeline was told to be kept."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ids(self) -> list[str]:
        text = self.path.read_text() if self.path.exists() else ""
        return re.findall(r"message_kept .* id=([0-9a-f-]{36})\n", text)


@contextmanager
def driving(config: Path, truth: Truth, log: Path) -> Generator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(config), str(truth.path)],
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": "."},
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def drain(config: Path, truth: Truth) -> None:
    subprocess.run(
        [sys.executable, str(PROGRAM), str(config), str(truth.path), "drain"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "."},
        timeout=200,
        check=True,
    )


@pytest.mark.timeout(600)
def test_killed_again_and_again_on_a_bad_network_it_loses_and_doubles_nothing(
    database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    enrol_devices(database, ["bus-1"])
    chance, truth, log = random.Random(3), Truth(tmp_path / "truth"), tmp_path / "agent.log"
    with (
        running_ingesters(tmp_path, database=database, broker=broker, kind="jetstream"),
        FaultyLink(broker.mqtt_url, seed=3) as link,
    ):
        config = configuration(tmp_path, broker, link.url)
        for trouble in TROUBLES:
            with driving(config, truth, log) as agent:
                known = len(truth.ids())
                wait_until(lambda known=known: len(truth.ids()) >= known + 15, STARTS_WITHIN_S)
                link.behave(trouble)
                wanted = known + 15 + chance.randint(5, 40)
                wait_until(lambda wanted=wanted: len(truth.ids()) >= wanted, STARTS_WITHIN_S)
                agent.kill()
            link.behave(SOUND)
        drain(config, truth)
        kept = truth.ids()
        stored = [event_id for (event_id,) in query(database, IDS)]
    assert set(kept) <= set(stored), "lost"
    assert len(stored) == len(set(stored)), "doubled"
    assert len(kept) == len(set(kept))
    assert kept == sorted(kept), "ids are in the order of their making, over all the kills"
    assert len(set(stored) - set(kept)) <= len(TROUBLES), "kept, and killed before the word"
    assert link.messages_doubled
    assert link.messages_overtaken
    assert value(database, "SELECT sum(redelivered) FROM device_streams") > 0
    assert value(database, "SELECT count(*) FROM quarantine") == 0


@pytest.mark.timeout(600)
def test_a_broker_that_is_killed_and_loses_its_disk_costs_nothing(
    database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    """What it had acknowledged and not yet given to the cloud is gone; the receipts show it, and it is sent again."""
    enrol_devices(database, ["bus-1"])
    truth, log = Truth(tmp_path / "truth"), tmp_path / "agent.log"
    config = configuration(tmp_path, broker, broker.mqtt_url)
    with running_ingesters(tmp_path, database=database, broker=broker, kind="jetstream") as (ingester,):
        with driving(config, truth, log):
            wait_until(lambda: value(database, "SELECT count(*) FROM health_reports") > 0, STARTS_WITHIN_S)
            ingester.kill()  # from here on the broker acknowledges, and only the broker has it
            known = len(truth.ids())
            wait_until(lambda: len(truth.ids()) >= known + 60, STARTS_WITHIN_S)
            broker.server.kill()
            broker.server.lose_disk()
            broker.server.start()
            ingester.start()
            wait_until(lambda: len(truth.ids()) >= known + 90, STARTS_WITHIN_S)
        drain(config, truth)
        kept = truth.ids()
        stored = [event_id for (event_id,) in query(database, IDS)]
    assert set(kept) <= set(stored), "lost"
    assert len(stored) == len(set(stored)), "doubled"
