"""The whole bus in one process, against a real broker and a small picture store."""

import hashlib
import http.server
import json
import logging
import queue
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.agent import Agent
from edge_agent.config import (
    AgentConfig,
    Broker,
    Camera,
    Cloud,
    CoverageSettings,
    DrivingSettings,
    Identity,
    OutboxSettings,
)
from edge_agent.ego import moved
from edge_agent.readings import FrameReading, GnssReading, Image, Reading
from edge_agent.vision.detections import Boxes, Detections, no_detections
from edge_agent.vision.ground import CameraModel, RoadPoint, road_in_image
from edge_agent.vision.privacy import FaceFinder, PlateFinder
from edge_agent.watch import Scene
from tests.conftest import RunningBroker
from tests.integration.agent_process import Blind, EndlessRoad
from tests.integration.edge_cloud import EdgeCloud
from tests.waiting import wait_until
from wire.envelope import Envelope
from wire.messages import (
    Command,
    CommandKind,
    Coverage,
    Detection,
    Driving,
    DrivingKind,
    Health,
    ModelVersion,
    Presence,
    Track,
)

CAMERA = CameraModel(width_px=320, height_px=240, focal_px=260, height_m=2.5, pitch_deg=12)
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SPEED_MPS = 10.0
LON, LAT = 120.4, 27.5


class Drive:
    """Twelve seconds straight north at 10 m/s: a recording of 8 frames and 1 fix a second."""

    is_live = False

    def __init__(self, image: Image) -> None:
        self._image = image

    def readings(self) -> Iterator[Reading]:
        for tick in range(97):
            at = START + timedelta(seconds=tick / 8)
            if tick % 8 == 0:
                lon, lat = moved(lon=LON, lat=LAT, heading_deg=0, forward_m=SPEED_MPS * tick / 8, right_m=0)
                yield GnssReading(at=at, lon=lon, lat=lat, speed_mps=SPEED_MPS, heading_deg=0, accuracy_m=2)
            image = np.roll(self._image, 97 * tick, axis=0)  # one picture all the time would be a camera that hangs
            image[0, 0, 0] = tick  # how the detector below knows where it is
            yield FrameReading(at=at, camera_id="front", image=image)


class KnowingDetector:
    """Sees one pothole that lies 60 m down the road, 1 m to the right."""

    model = ModelVersion(name="knowing", version="1", sha256="0" * 64)

    def __init__(self) -> None:
        self.prepared: list[Image] = []  # by a thread beside: maybe the frame after the one that is detected, too
        self.ready = 0  # frames that it was told of before

    def prepare(self, image: Image) -> None:
        self.prepared.append(image)

    def detect(self, image: Image) -> Detections:
        self.ready += any(image is prepared for prepared in self.prepared)
        ahead_m = 60.0 - SPEED_MPS * int(image[0, 0, 0]) / 8
        if not 3.0 < ahead_m < 25.0:
            return no_detections()
        u_px, v_px = road_in_image(CAMERA, RoadPoint(forward_m=ahead_m, right_m=1.0))
        if v_px >= CAMERA.height_px - 3:
            return no_detections()
        half_px = 0.4 * CAMERA.focal_px / ahead_m
        box = np.array([[u_px - half_px, v_px - half_px, u_px + half_px, v_px]], np.float32)
        return Detections(boxes=box, confidences=np.array([0.9], np.float32), class_codes=("D40",))


@dataclass
class Store:
    url: str
    pictures: dict[str, bytes]
    answers: list[int]  # status codes to give before 201


@pytest.fixture
def store() -> Generator[Store]:
    pictures: dict[str, bytes] = {}
    answers: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            is_ours = self.headers["X-Busense-Device"] == "testcity/bus-1"
            status = (answers.pop(0) if answers else 201) if is_ours else 403
            if status == 201:
                pictures[self.path.rsplit("/", 1)[1]] = content
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield Store(url=f"http://127.0.0.1:{server.server_address[1]}", pictures=pictures, answers=answers)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def config(broker: RunningBroker, store: Store, tmp_path: Path) -> AgentConfig:
    secret_file = tmp_path / "secret"
    secret_file.write_text(broker.device_secrets["bus-1"])
    return AgentConfig(
        identity=Identity(city=broker.city, device="bus-1", secret_file=secret_file),
        broker=Broker(url=broker.mqtt_url),
        cloud=Cloud(url=store.url),
        camera=Camera(
            width_px=CAMERA.width_px,
            height_px=CAMERA.height_px,
            focal_px=CAMERA.focal_px,
            height_m=CAMERA.height_m,
            pitch_deg=CAMERA.pitch_deg,
        ),
        outbox=OutboxSettings(path=tmp_path / "outbox" / "outbox.db"),
        coverage=CoverageSettings(stretch_m=50),
    )


@pytest.fixture
def road() -> Image:
    grain = np.random.default_rng(0).integers(60, 180, (240, 320, 3), dtype=np.uint8)
    return cv2.GaussianBlur(grain, (3, 3), 0).astype(np.uint8)


def test_one_pass_gives_one_observation_with_its_picture(
    config: AgentConfig, broker: RunningBroker, store: Store, road: Image
) -> None:
    store.answers += [404, 503]
    with EdgeCloud(broker, gives_receipts=True) as cloud:
        detector = KnowingDetector()
        agent = Agent(config, sources=[Drive(road)], detector=detector)
        agent.run(threading.Event())
        assert agent.wait_until_stored(30)
        counters = agent.counters
        agent.close()
    heard = {envelope.id: envelope for envelope in cloud.heard}
    messages = [envelope.data for envelope in heard.values()]
    detections = [message for message in messages if isinstance(message, Detection)]
    assert len(heard) == counters.messages
    assert {(envelope.stream, envelope.sequence) for envelope in heard.values()} == numbered(heard.values())
    assert len(detections) == counters.observations == 1
    assert counters.frames == 97
    assert counters.frames_unusable == 0
    assert detector.ready >= 72, "of those that wait for one fix each is made ready while the one before is looked at"
    assert sum(isinstance(message, Coverage) for message in messages) >= 2
    assert any(isinstance(message, Track) for message in messages)
    assert any(isinstance(message, Health) for message in messages)
    assert cloud.presences[0] is Presence.ONLINE
    assert cloud.presences[-1] is Presence.OFFLINE

    picture = detections[0].picture
    assert picture is not None
    content = store.pictures[picture.sha256]
    assert hashlib.sha256(content).hexdigest() == picture.sha256
    assert len(content) == picture.size_bytes

    true_lon, true_lat = moved(lon=LON, lat=LAT, heading_deg=0, forward_m=60, right_m=1)
    assert detections[0].lat == pytest.approx(true_lat, abs=5e-6)
    assert detections[0].lon == pytest.approx(true_lon, abs=5e-6)
    assert detections[0].class_code == "D40"
    assert detections[0].frames > 3


def test_only_the_picture_that_is_kept_is_searched_for_faces_and_plates(
    config: AgentConfig, road: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []
    find_faces, find_plates = FaceFinder.find, PlateFinder.find

    def faces(finder: FaceFinder, image: Image) -> Boxes:
        searched.append("faces")
        return find_faces(finder, image)

    def plates(finder: PlateFinder, image: Image) -> Boxes:
        searched.append("plates")
        return find_plates(finder, image)

    monkeypatch.setattr(FaceFinder, "find", faces)
    monkeypatch.setattr(PlateFinder, "find", plates)
    agent = Agent(config, sources=[Drive(road)], detector=KnowingDetector())
    agent.run(threading.Event())
    counters = agent.counters
    agent.close()
    assert (counters.frames, counters.observations, counters.pictures) == (97, 1, 1)
    assert sorted(searched) == ["faces", "plates"]


def test_without_the_face_model_the_observation_goes_without_a_picture(
    config: AgentConfig, broker: RunningBroker, store: Store, road: Image, tmp_path: Path
) -> None:
    blind = config.model_copy(
        update={"privacy": config.privacy.model_copy(update={"faces": tmp_path / "missing" / "manifest.toml"})}
    )
    with EdgeCloud(broker, gives_receipts=True) as cloud:
        agent = Agent(blind, sources=[Drive(road)], detector=KnowingDetector())
        agent.run(threading.Event())
        assert agent.wait_until_stored(30)
        agent.close()
    detections = [envelope.data for envelope in cloud.heard if isinstance(envelope.data, Detection)]
    assert [detection.picture for detection in detections] == [None]
    assert not store.pictures


def test_near_a_place_of_the_list_the_observation_goes_without_a_picture(
    config: AgentConfig, store: Store, road: Image, tmp_path: Path
) -> None:
    places = tmp_path / "places.geojson"
    corner = LON + 0.0009, LAT + 0.0005  # 88 m beside the damage
    ring = [corner, (corner[0] + 0.01, corner[1]), (corner[0], corner[1] + 0.01), corner]
    places.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    discreet = config.model_copy(update={"privacy": config.privacy.model_copy(update={"no_pictures": places})})
    agent = Agent(discreet, sources=[Drive(road)], detector=KnowingDetector())
    agent.run(threading.Event())
    counters = agent.counters
    agent.close()
    assert (counters.observations, counters.pictures) == (1, 0)
    assert not list(config.outbox.path.parent.rglob("*.jpg"))


@pytest.mark.parametrize("is_near", [False, True])
def test_who_asks_gets_a_picture_of_now_but_not_near_a_place_of_the_list(
    *,
    config: AgentConfig,
    broker: RunningBroker,
    store: Store,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    is_near: bool,
) -> None:
    places = tmp_path / "places.geojson"
    west = LON - 0.01 if is_near else LON + 0.01
    ring = [(west, LAT - 1), (LON + 0.02, LAT - 1), (LON + 0.02, LAT + 1), (west, LAT + 1), (west, LAT - 1)]
    places.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    careful = config.model_copy(update={"privacy": config.privacy.model_copy(update={"no_pictures": places})})
    agent, stop = Agent(careful, sources=[EndlessRoad()], detector=Blind()), threading.Event()
    thread = threading.Thread(target=agent.run, args=(stop,))
    with EdgeCloud(broker, gives_receipts=True) as cloud:
        thread.start()
        try:
            wait_until(lambda: any(isinstance(each.data, Coverage) for each in cloud.heard), 60)
            until = datetime.now(UTC) + timedelta(minutes=1)
            cloud.send("bus-1", Command(kind=CommandKind.SEND_PICTURE, expires_at=until))
            wait_until(lambda: store.pictures or "picture_unanswered" in caplog.text, 60)
        finally:
            stop.set()
            thread.join()
            agent.close()
    assert bool(store.pictures) is not is_near


class Told:
    """Yields what the test puts, as a camera that may fall silent."""

    is_live = True

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Reading] = queue.SimpleQueue()

    def readings(self) -> Iterator[Reading]:
        while True:
            yield self.queue.get()


def test_who_asks_while_the_camera_is_silent_gets_no_old_picture_but_the_next_one(
    config: AgentConfig, broker: RunningBroker, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edge_agent.uplink.publisher")
    before, after = (np.full((CAMERA.height_px, CAMERA.width_px, 3), grey, np.uint8) for grey in (40, 200))
    camera = Told()
    agent, stop = Agent(config, sources=[camera], detector=Blind()), threading.Event()
    thread = threading.Thread(target=agent.run, args=(stop,))
    with EdgeCloud(broker, gives_receipts=True) as cloud:
        thread.start()
        try:
            camera.queue.put(GnssReading(at=START, lon=LON, lat=LAT, speed_mps=0, heading_deg=0, accuracy_m=2))
            camera.queue.put(FrameReading(at=START, camera_id="front", image=before))
            wait_until(lambda: agent.frames, 60)
            wait_until(lambda: "broker_connected" in caplog.text, 60)
            wait_until(lambda: cloud.presences[-1:] == [Presence.ONLINE], 60)  # sent after it had subscribed
            until = datetime.now(UTC) + timedelta(minutes=1)
            cloud.send("bus-1", Command(kind=CommandKind.SEND_PICTURE, expires_at=until))
            wait_until(lambda: "command_received" in caplog.text, 60)
            fixes = [START + timedelta(seconds=second) for second in range(1, 4)]
            for at in fixes:
                camera.queue.put(GnssReading(at=at, lon=LON, lat=LAT, speed_mps=0, heading_deg=0, accuracy_m=2))
            camera.queue.put(FrameReading(at=fixes[-1], camera_id="front", image=after))
            wait_until(lambda: store.pictures, 60)
        finally:
            stop.set()
            thread.join()
            agent.close()
    (content,) = store.pictures.values()
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.mean() == pytest.approx(200, abs=2)


class Braking:
    """Ten seconds at 12 m/s, three of braking at 4 m/s2, and standing: 4 frames and 1 fix a second."""

    is_live = False

    def __init__(self, image: Image) -> None:
        self._image = image

    def readings(self) -> Iterator[Reading]:
        for tick in range(81):
            passed_s = tick / 4
            at, speed_mps = START + timedelta(seconds=passed_s), 12.0 - 4.0 * min(max(passed_s - 10, 0.0), 3.0)
            if tick % 4 == 0:
                yield GnssReading(at=at, lon=LON, lat=LAT, speed_mps=speed_mps, heading_deg=0, accuracy_m=2)
            yield FrameReading(at=at, camera_id="front", image=self._image)


@pytest.mark.parametrize("kinds", [(DrivingKind.HARSH_BRAKING,), (DrivingKind.DROWSY,)], ids=["wanted", "not-wanted"])
def test_ten_seconds_of_the_road_go_with_events_of_the_set_kinds(
    config: AgentConfig, broker: RunningBroker, store: Store, road: Image, kinds: tuple[DrivingKind, ...]
) -> None:
    watching = config.model_copy(update={"driving": DrivingSettings(clips=kinds)})
    with EdgeCloud(broker, gives_receipts=True) as cloud:
        agent = Agent(watching, sources=[Braking(road)], detector=Blind())
        agent.run(threading.Event())
        assert agent.wait_until_stored(30)
        agent.close()
    (event,) = {each.id: each.data for each in cloud.heard if isinstance(each.data, Driving)}.values()
    assert event.kind is DrivingKind.HARSH_BRAKING
    if event.kind not in kinds:
        assert event.clip is None
        assert store.pictures == {}
        return
    assert event.clip is not None
    content = store.pictures[event.clip.sheet.sha256]
    assert (len(content), store.pictures.keys()) == (event.clip.sheet.size_bytes, {event.clip.sheet.sha256})
    assert event.clip.taken_at[0] < event.from_at < event.to_at < event.clip.taken_at[-1]
    assert len(event.clip.taken_at) >= 18
    sheet = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert sheet is not None
    assert sheet.shape == (event.clip.sheet.height_px, event.clip.sheet.width_px, 3)


def test_no_clip_is_kept_where_no_picture_may_be(
    config: AgentConfig, broker: RunningBroker, store: Store, road: Image, tmp_path: Path
) -> None:
    places = tmp_path / "places.geojson"
    ring = [[LON + east, LAT + north] for east, north in ((-0.01, -0.01), (0.01, -0.01), (0, 0.01), (-0.01, -0.01))]
    places.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    privacy = config.privacy.model_copy(update={"no_pictures": places})
    driving = DrivingSettings(clips=(DrivingKind.HARSH_BRAKING,))
    with EdgeCloud(broker, gives_receipts=True) as cloud:
        agent = Agent(
            config.model_copy(update={"driving": driving, "privacy": privacy}),
            sources=[Braking(road)],
            detector=Blind(),
        )
        agent.run(threading.Event())
        assert agent.wait_until_stored(30)
        agent.close()
    (event,) = {each.id: each.data for each in cloud.heard if isinstance(each.data, Driving)}.values()
    assert event.clip is None
    assert store.pictures == {}


class Fast:
    """Two seconds of a camera that gives 60 frames a second, and a fix a second."""

    is_live = False

    def __init__(self, image: Image) -> None:
        self._image = image

    def readings(self) -> Iterator[Reading]:
        for tick in range(120):
            at = START + timedelta(seconds=tick / 60)
            if tick % 60 == 0:
                lon, lat = moved(lon=LON, lat=LAT, heading_deg=0, forward_m=SPEED_MPS * tick / 60, right_m=0)
                yield GnssReading(at=at, lon=lon, lat=lat, speed_mps=SPEED_MPS, heading_deg=0, accuracy_m=2)
            yield FrameReading(at=at, camera_id="front", image=self._image)


@dataclass
class Watching:
    scenes: list[Scene] = field(default_factory=list[Scene])

    def show(self, scene: Scene) -> None:
        self.scenes.append(scene)


def test_frames_of_a_fast_camera_wait_for_the_fix_after_them(config: AgentConfig, road: Image) -> None:
    assert config.camera is not None
    fast = config.model_copy(update={"camera": config.camera.model_copy(update={"frames_per_s": 60.0})})
    watching = Watching()
    agent = Agent(fast, sources=[Fast(road)], detector=Blind(), watcher=watching)
    agent.run(threading.Event())
    agent.close()
    assert len(watching.scenes) == 120
    assert {scene.ego.accuracy_m for scene in watching.scenes[:60] if scene.ego is not None} == {2.0}, (
        "not as far ahead"
    )


def test_what_was_seen_without_a_network_is_told_by_the_next_start(
    config: AgentConfig, broker: RunningBroker, road: Image
) -> None:
    broker.server.stop()
    agent = Agent(config, sources=[Drive(road)], detector=KnowingDetector())
    agent.run(threading.Event())
    assert not agent.wait_until_stored(0.0)
    before = agent.counters
    agent.close()
    broker.server.start()
    with EdgeCloud(broker, gives_receipts=True) as cloud:
        later = Agent(config, sources=[], detector=KnowingDetector())
        assert later.wait_until_stored(30)
        later.close()
    assert len({envelope.id for envelope in cloud.heard}) == before.messages
    assert {(envelope.stream, envelope.sequence) for envelope in cloud.heard} == numbered(cloud.heard)


def numbered(envelopes: Iterable[Envelope]) -> set[tuple[str | None, int]]:
    """All numbers without gaps from 1, for each stream as many as it has messages."""
    counts = Counter(stream for stream, _ in {(envelope.stream, envelope.sequence) for envelope in envelopes})
    return {(stream, number) for stream, count in counts.items() for number in range(1, count + 1)}
