"""`busense agent --preview` on a recording of drawn frames: the page, its picture and its numbers."""

import json
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO
from urllib.parse import urljoin

import cv2
import numpy as np
import pytest

from edge_agent.ego import moved
from edge_agent.preview.status import Status
from edge_agent.vision.ground import CameraModel
from simulator.drawn import DrawnDefect, draw_frame
from tests.waiting import wait_until

CAMERA = CameraModel(width_px=640, height_px=384, focal_px=500.0, height_m=2.4, pitch_deg=14.0)
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SPEED_MPS = 6.0
SECONDS = 60
CONFIGURATION = """
[identity]
city = "testcity"
device = "bus-1"
secret_file = "secret"
[broker]
url = "mqtt://127.0.0.1:9"
[cloud]
url = "http://127.0.0.1:9"
[camera]
source = "frames"
frames_per_s = 1
width_px = 640
height_px = 384
focal_px = 500.0
height_m = 2.4
pitch_deg = 14.0
[gnss]
source = "frames/track.csv"
[model]
threads = 1
[outbox]
path = "outbox.db"
"""


def write_drive(folder: Path) -> Path:
    """A minute of drawn road, a frame and a fix a second, with the configuration to replay it as a bus."""
    frames = folder / "frames"
    frames.mkdir()
    rows = ["at,lon,lat"]
    for second in range(SECONDS):
        at, way_m = START + timedelta(seconds=second), SPEED_MPS * second
        lon, lat = moved(lon=120.4, lat=27.5, heading_deg=90.0, forward_m=way_m, right_m=0.0)
        rows.append(f"{at.isoformat()},{lon},{lat}")
        hole = DrawnDefect(class_code="D40", forward_m=6.5, right_m=0.5, length_m=0.9, width_m=0.9, seed=3)
        image, _ = draw_frame(CAMERA, [hole], seed=2, along_m=way_m)
        cv2.imwrite(str(frames / f"{at:%Y%m%dT%H%M%S}.jpg"), image)
    (frames / "track.csv").write_text("\n".join(rows))
    (folder / "secret").write_text("a secret of this test")
    config = folder / "agent.toml"
    config.write_text(CONFIGURATION)
    return config


class RunningAgent:
    """An agent in a process of its own; its log is read as it comes."""

    def __init__(self, config: Path) -> None:
        command = [sys.executable, "-m", "busense", "agent", "--config", str(config), "--preview", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stderr,))
        self._reader.start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self.lines.append(line)

    def url(self) -> str:
        """The address that the log names."""
        found = re.search(r"preview_open url=(\S+)", "".join(self.lines))
        if self.process.poll() is not None:
            raise AssertionError("".join(self.lines))
        return found[1] if found else ""

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[RunningAgent]:
    running = RunningAgent(write_drive(tmp_path))
    yield running
    if running.process.poll() is None:
        running.end()


def test_the_page_shows_what_the_agent_sees(agent: RunningAgent) -> None:
    url = wait_until(agent.url, 60)
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    with browser.open(url, timeout=60) as page:
        assert page.status == 200
        assert b"busense" in page.read()
        assert "token" not in page.url

    def with_boxes() -> list[Status]:
        with browser.open(urljoin(url, "/status.json"), timeout=60) as answer:
            status: Status | None = json.loads(answer.read())
        return [status] if status is not None and status["boxes"] else []

    (status,) = wait_until(with_boxes, 90)
    assert status["verdict"] is None
    assert status["fix"] is not None
    assert status["bus"]["device"] == "bus-1"
    assert int(status["bus"]["messages_waiting"]) > 0
    with browser.open(urljoin(url, "/frame.jpg"), timeout=60) as answer:
        picture = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[1] == 960

    assert agent.end() == 0
    assert "a secret of this test" not in "".join(agent.lines)
