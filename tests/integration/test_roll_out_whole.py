"""A roll-out with every part real: cloud, broker, and the agent's process on a recorded drive."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import cv2
import minisign
import numpy as np
import psycopg
import pytest

from cloud.db.pool import connect
from cloud.fleet.devices import enrol
from cloud.fleet.releases import add_release
from cloud.fleet.rollout import Deed, Terms
from cloud.fleet.rollouts import Proposal, carry_on, do, propose
from cloud.fleet.shadow import ShadowSum, let_look_on, what_it_saw
from cloud.fleet.wishes import ask
from tests.conftest import RunningBroker
from tests.integration.api_server import running_server
from tests.integration.ingest_database import query
from tests.integration.ingest_process import running_ingesters
from tests.integration.test_edge_command import command, configuration, write_drive
from tests.unit.edge_agent.scenes import CAMERA
from tests.waiting import wait_until
from wire.messages import CommandKind
from wire.package import About, PackageKind, write_package

TERMS = Terms(stop_at_failed=0.5, go_on_at_done=1.0, watch=timedelta())
PAIR = minisign.KeyPair.generate()
KEY = PAIR.public_key.to_base64().decode()
WAIT_S = 90.0


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where people sign packages and roll them out to the one bus."""

    url: str

    def release(self, about: About, files: dict[str, bytes]) -> str:
        content, at = write_package(about, files), datetime.now(UTC)
        signature = bytes(PAIR.secret_key.sign(content)).decode()
        with psycopg.connect(self.url) as connection:
            return add_release(connection, content, signature=signature, keys=[KEY], actor="li", at=at)

    def let_look_on(self, release: str) -> None:
        with psycopg.connect(self.url) as connection:
            at = datetime.now(UTC)
            let_look_on(connection, release, ["bus-1"], share=1.0, city="testcity", actor="li", at=at)

    def saw(self, release: str) -> ShadowSum:
        with psycopg.connect(self.url) as connection:
            return what_it_saw(connection, release)

    def roll_out(self, about: About, files: dict[str, bytes]) -> tuple[UUID, str]:
        release, at = self.release(about, files), datetime.now(UTC)
        with psycopg.connect(self.url) as connection:
            proposal = Proposal(release=release, shares=(), terms=TERMS, devices=("bus-1",))
            number = propose(connection, proposal, city="testcity", actor="li", at=at)
            do(connection, number, Deed.APPROVE, actor="wang", at=at)
        return number, release

    def state(self, number: UUID) -> str:
        with connect(self.url, autocommit=True) as connection:
            carry_on(connection, at=datetime.now(UTC))
        return query(self.url, "SELECT state FROM roll_outs WHERE id = %s", number)[0][0]

    def problem(self, number: UUID) -> str:
        return query(self.url, "SELECT problem FROM roll_out_devices WHERE roll_out = %s", number)[0][0]

    def in_use(self) -> dict[str, str]:
        return query(self.url, "SELECT twin_reported -> 'settings' FROM devices WHERE device = 'bus-1'")[0][0]

    def ask(self, kind: CommandKind) -> None:
        with psycopg.connect(self.url) as connection:
            ask(connection, kind, city="testcity", device="bus-1", actor="li", at=datetime.now(UTC))

    def answers(self) -> dict[str, bytes]:
        rows = query(self.url, "SELECT media_type, answer FROM device_commands WHERE answer IS NOT NULL")
        return {media_type: bytes(answer) for media_type, answer in rows}

    def health_reports(self) -> int:
        return query(self.url, "SELECT count(*) FROM health_reports")[0][0]


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Ten minutes, longer than any of these tests."""
    write_drive(tmp_path, seconds=600, frames_per_s=1)
    return tmp_path


@pytest.fixture
def desk(drive: Path, database: str, broker: RunningBroker) -> Iterator[Desk]:
    """The whole cloud, and a bus that drives."""
    with psycopg.connect(database) as connection:
        enrol(connection, city=broker.city, device="bus-1", secret=broker.device_secrets["bus-1"])
    with (
        running_server(database, drive / "pictures") as (_, address),
        running_ingesters(drive, database=database, broker=broker, kind="jetstream"),
    ):
        config = configuration(drive, broker, pace="real_time")
        text = config.read_text().replace("http://127.0.0.1:9", address).replace("frames_per_s = 4", "frames_per_s = 1")
        config.write_text(f'{text}\n[updates]\nfolder = "updates"\nkeys = ["{KEY}"]\ntrial_s = 5\n')
        with (drive / "agent.log").open("wb") as log, subprocess.Popen(command(config), stderr=log) as agent:
            try:
                yield Desk(url=database)
            finally:
                agent.kill()


@pytest.mark.timeout(300)
def test_a_bus_answers_with_a_picture_of_now_and_with_its_log(desk: Desk) -> None:
    wait_until(lambda: query(desk.url, "SELECT 1 FROM devices WHERE presence = 'online'"), WAIT_S)
    wait_until(desk.health_reports, WAIT_S)
    desk.ask(CommandKind.SEND_PICTURE)
    desk.ask(CommandKind.SEND_LOGS)
    wait_until(lambda: len(desk.answers()) == 2, WAIT_S)
    answers = desk.answers()
    assert "agent_started device=bus-1" in answers["text/plain"].decode()
    picture = cv2.imdecode(np.frombuffer(answers["image/jpeg"], np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (CAMERA.height_px, CAMERA.width_px, 3)


@pytest.mark.timeout(300)
def test_a_bus_takes_what_works_and_goes_on_with_it_when_the_next_does_not(desk: Desk, drive: Path) -> None:
    model = Path("models/road_damage")
    files = {name: (model / name).read_bytes() for name in ("manifest.toml", "model.onnx", "second_look.onnx")}
    beside = desk.release(About(kind=PackageKind.MODEL, name="road_damage", version="9.8"), files)
    desk.let_look_on(beside)
    winter = About(kind=PackageKind.SETTINGS, name="winter", version="1")
    number, release = desk.roll_out(winter, {"settings.toml": b"[health]\nevery_s = 1\n"})
    wait_until(lambda: desk.state(number) == "finished", WAIT_S)
    in_use = {"package.settings": release, "package.shadow": beside, "shadow.share": 1.0}
    assert desk.in_use() == in_use

    broken = About(kind=PackageKind.MODEL, name="road_damage", version="9.9")
    number, _ = desk.roll_out(broken, files | {"model.onnx": b"no network"})
    wait_until(lambda: desk.state(number) == "paused", WAIT_S)
    assert "model.onnx" in desk.problem(number)
    assert desk.in_use() == in_use

    known = desk.health_reports()
    wait_until(lambda: desk.health_reports() > known + 1, WAIT_S)  # each second, as the first package wants it
    wait_until(lambda: desk.saw(beside).frames > 0, WAIT_S)
    assert not any(each.only_old or each.only_new for each in desk.saw(beside).classes.values()), "it is the same model"
    assert "Traceback" not in (drive / "agent.log").read_text()
