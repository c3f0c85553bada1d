"""Buses with the agent and buses that are numbers drive one county, at one broker."""

import threading
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from busense.local.broker import LocalBroker
from simulator.county.build import SHIPPED_ERRORS, County, make_county
from simulator.county.messages import Sent
from simulator.county.others import Others
from simulator.county.publish import Publisher
from simulator.county.scenario import Scenario
from simulator.county.world import world_of
from simulator.devices import secret_file
from simulator.errors import PublishError
from simulator.exposure import Exposures
from simulator.fleet import FleetPlan
from simulator.run import Simulation
from tests.conftest import CITY, RunningBroker
from tests.waiting import wait_until
from wire.codec import decode_envelope
from wire.envelope import Envelope
from wire.messages import Kind, Track
from wire.topics import Topic

NOON_S = 12 * 3600.0
AGENTS = (1, 4)
SECRET = "for-this-test-only"  # noqa: S105 - of a broker that lives for seconds


@pytest.fixture(scope="module")
def county() -> County:
    part = {"name": CITY, "seed": 2, "lines": 2, "buses": 6, "days": 10, "first_day": "2027-06-01"}
    season = {"rain_days": [0.0] * 12, "fog_mornings": [0.0] * 12}
    return make_county(Scenario.model_validate({"county": part, "season": season}), folder=Path())


@pytest.fixture
def broker(county: County, tmp_path: Path) -> Generator[RunningBroker]:
    devices = {county.scenario.county.device(number): SECRET for number in AGENTS}
    server = LocalBroker(tmp_path / "broker", city=CITY, cloud_password=SECRET, device_secrets=devices)
    server.start()
    yield RunningBroker(server=server, city=CITY, cloud_password=SECRET, device_secrets=devices)
    server.stop()


@contextmanager
def _heard(broker: RunningBroker) -> Generator[list[Envelope]]:
    heard: list[Envelope] = []
    client, is_ready = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311), threading.Event()
    client.username_pw_set("cloud", broker.cloud_password)

    def take(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        heard.append(decode_envelope(bytes(message.payload)))

    client.on_message = take
    client.on_subscribe = lambda *_: is_ready.set()  # pyright: ignore[reportUnknownLambdaType]
    host, port = broker.mqtt_url.removeprefix("mqtt://").split(":")
    client.connect(host, int(port))
    client.subscribe(str(Topic(city=CITY, device="x", kind=Kind.TRACK)).replace("/x/", "/+/"), qos=1)
    client.loop_start()
    assert is_ready.wait(10)
    yield heard
    client.disconnect()
    client.loop_stop()


def test_all_buses_of_a_county_are_on_the_road_each_by_its_own_way(
    county: County, broker: RunningBroker, tmp_path: Path
) -> None:
    names = tuple(broker.device_secrets)
    for device in names:
        secret_file(tmp_path, device).write_text(SECRET)
    stop = threading.Event()
    plan = FleetPlan(
        city=CITY,
        buses=len(AGENTS),
        full=0,
        seed=2,
        for_s=25.0,
        broker_url=broker.mqtt_url,
        cloud_url="http://127.0.0.1:9",
        secrets=tmp_path,
        work=tmp_path / "buses",
        errors=SHIPPED_ERRORS,
        names=names,
    )
    others = Others(
        county,
        from_s=NOON_S,
        agents=AGENTS,
        publisher=Publisher(broker.mqtt_url, user="cloud", password=broker.cloud_password),
    )
    began = datetime.now(UTC)
    with _heard(broker) as heard:
        simulation = Simulation(plan, world_of(county, from_s=NOON_S, agents=AGENTS), stop=stop, others=others)
        reports = list(simulation.drive())
        wait_until(lambda: {each.source for each in heard} >= {f"/{CITY}/{name}" for name in names}, 30)
        stop.set()
        report = simulation.result()
    ended = datetime.now(UTC)

    tracks: defaultdict[str, list[Track]] = defaultdict(list)
    for envelope in heard:
        assert began - timedelta(seconds=2) <= envelope.time <= ended + timedelta(seconds=2)
        assert isinstance(envelope.data, Track)
        tracks[envelope.source.rpartition("/")[2]].append(envelope.data)
    numbers = {county.scenario.county.device(number) for number in range(6)} - set(names)
    on_the_road = numbers & tracks.keys()
    assert set(names) <= tracks.keys()
    assert len(on_the_road) >= 3  # one may wait for its departure
    assert all(len(tracks[name]) == 2 or len(tracks[name]) == 3 for name in on_the_road)
    assert (report.buses, report.others) == (2, 4)
    assert report.sent_by_others >= 2 * len(on_the_road)
    assert reports


def test_the_simulation_hears_that_the_others_cannot_speak(county: County, broker: RunningBroker) -> None:
    publisher = _Refused(broker.mqtt_url, user="cloud", password=broker.cloud_password)
    others = Others(county, from_s=NOON_S, agents=(), publisher=publisher)
    others.start(datetime.now(UTC) - timedelta(seconds=20), for_s=10.0, exposures=Exposures())
    with pytest.raises(PublishError):
        wait_until(lambda: others.check() is not None, 30)


class _Refused(Publisher):
    """A broker that took the connection and then takes nothing."""

    def publish(self, sent: Sent) -> None:
        raise PublishError(f"{sent.topic} was not acknowledged")
