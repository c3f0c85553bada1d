"""Everything of a demo, started in order and ended in order."""

import json
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from busense.demo_furniture import take_in_list, write_rules
from busense.demo_place import CITY, STOP, Place
from busense.demo_services import Service
from busense.demo_travel import take_in_people
from busense.demo_water import RULES, station_config
from busense.errors import StartError
from busense.local.broker import LocalBroker
from busense.local.postgres import LocalPostgres
from cloud.db.migrate import migrate
from cloud.db.pool import connect
from cloud.findings.error_models import register_shipped
from cloud.fleet.devices import enrol
from cloud.roads.files import open_roads
from cloud.roads.imports import import_roads
from simulator.city import roads_geojson
from simulator.devices import device_names, devices_without_network, secret_file
from simulator.gauge import Gauge
from simulator.world import furniture_of, quarter

READY_WITHIN_S: Final = 120.0  # a machine with much else to do
LOG_OF_STARTED_INGEST: Final = "ingest_started"
LOG_OF_STARTED_RELAY: Final = "stop_connected"
LOG_OF_STARTED_SERVE: Final = "Uvicorn running on"


@dataclass(frozen=True, slots=True, kw_only=True)
class TownPlan:
    """What the demo was asked for."""

    seed: int
    port: int
    buses: int
    full: int
    without_network: int  # buses that reach the cloud by a stop only
    for_s: float | None
    frames: Path | None


class Town:
    """A running cloud with its servers."""

    def __init__(self, plan: TownPlan, place: Place, *, say: Callable[[str], None]) -> None:
        """Prepare; `running` starts it."""
        self.plan, self._place, self._say = plan, place, say
        self.without_network = devices_without_network(plan.buses, plan.without_network)
        on_their_own = device_names(plan.buses - plan.without_network)
        self._secrets = place.make_secrets([*on_their_own, STOP])
        self.postgres = LocalPostgres(place.folder / "postgres")
        self.broker = LocalBroker(
            place.folder / "broker",
            city=CITY,
            cloud_password=place.cloud_password_file.read_text(),
            device_secrets=self._secrets,
            relays=[STOP],
        )
        self.stop_broker = LocalBroker(
            place.folder / "stop",
            city=CITY,
            cloud_password=place.stop_password_file.read_text(),
            device_secrets={},
            is_of_stop=True,
        )
        env = {"BUSENSE_CONFIG": str(place.config)}
        self.services = [
            Service(name, [name], log_file=place.log(name), env=env) for name in ("ingest", "work", "serve")
        ]
        self.services.append(
            Service("relay", ["relay", "--config", str(place.relay_config)], log_file=place.log("relay"), env={})
        )
        self.services.append(
            Service("station", ["agent", "--config", str(place.station_config)], log_file=place.log("station"), env={})
        )
        self.gauge = Gauge()
        self.simulator = Service("simulator", self._simulate(), log_file=place.log("simulator"), env={})

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self.plan.port}"

    @contextmanager
    def running(self) -> Generator[None]:
        """Start servers and cloud; end them however it goes.

        Raises:
            StartError: something does not come up, with the end of its log.
        """
        with ExitStack() as stack:
            for server in (self.postgres, self.broker, self.stop_broker):
                stack.callback(server.stop)
                server.start()
            self._place.write_config(
                database_url=self.postgres.url(), broker_url=self.broker.nats_url, port=self.plan.port
            )
            self._place.write_relay_config(broker_url=self.broker.mqtt_url, stop_broker_url=self.stop_broker.mqtt_url)
            self._write_station(stack.enter_context(self.gauge).port)
            self._make_stream()
            self._prepare_database()
            for service in self.services:
                stack.callback(service.stop)
                service.start()
            self._wait_until_ready()
            stack.callback(self.simulator.stop)
            yield

    def drive(self) -> None:
        """Let the buses drive, and the water rise at the stop."""
        self.gauge.begin()
        self.simulator.start()

    def pids(self) -> dict[str, int]:
        """Process ids of everything that runs."""
        programs = {"postgres": self.postgres, "broker": self.broker, "stop": self.stop_broker}
        programs |= {service.name: service for service in (*self.services, self.simulator)}
        return {name: program.pid for name, program in programs.items() if program.pid is not None}

    def look_after(self) -> None:
        """Start dead cloud processes again.

        Raises:
            StartError: a server is gone, or a process dies again and again.
        """
        servers = (("PostgreSQL", self.postgres), ("the broker", self.broker), ("the stop's broker", self.stop_broker))
        for name, server in servers:
            if not server.is_running:
                raise StartError(f"{name} died; its log ends with:\n{server.log_tail()}")
        for service in self.services:
            if service.is_running:
                continue
            tail = service.log_tail()
            if service.revive():
                self._say(f"{service.name} died and was started again as {service.pid}; its log ended with:\n{tail}")

    def _simulate(self) -> list[str]:
        plan, place = self.plan, self._place
        options = {
            "--seed": plan.seed,
            "--buses": plan.buses,
            "--full": plan.full,
            "--for": plan.for_s,
            "--broker": self.broker.mqtt_url,
            "--stop-broker": self.stop_broker.mqtt_url,
            "--without-network": plan.without_network,
            "--cloud": self.url,
            "--city": CITY,
            "--secrets": place.secrets,
            "--work": place.folder / "buses",
            "--frames": plan.frames,
            "--tokens": place.secrets,
            "--json": place.status,
        }
        return [
            "simulate",
            "--dense",
            *(str(word) for name, value in options.items() if value is not None for word in (name, value)),
        ]

    def _write_station(self, port: Path) -> None:
        """Write the files of the stop's sensors; it stands where the first road begins."""
        place = self._place
        roads = roads_geojson(quarter(seed=self.plan.seed, buses=self.plan.buses))
        lon, lat = roads["features"][0]["geometry"]["coordinates"][0]
        identity = {"city": CITY, "device": STOP, "secret_file": str(secret_file(place.secrets, STOP))}
        config = station_config(
            identity, broker_url=self.broker.mqtt_url, cloud_url=self.url, port=port, lon=lon, lat=lat
        )
        place.station_config.write_text(config, encoding="utf-8")
        place.water_rules.write_text(RULES)

    def _make_stream(self) -> None:
        """The broker keeps MQTT messages in a stream that it makes when the first client connects."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="demo-first", protocol=mqtt.MQTTv311)
        client.username_pw_set("cloud", self._place.cloud_password_file.read_text())
        address = urlsplit(self.broker.mqtt_url)
        client.connect(address.hostname or "", address.port or 0)
        deadline = time.monotonic() + READY_WITHIN_S
        while not client.is_connected():
            client.loop(0.05)
            if time.monotonic() > deadline:
                raise StartError("the broker does not accept the cloud's MQTT client")
        client.disconnect()

    def _prepare_database(self) -> None:
        url = self.postgres.url()
        migrate(url)
        self._place.roads.write_text(json.dumps(roads_geojson(quarter(seed=self.plan.seed, buses=self.plan.buses))))
        with connect(url) as connection:
            register_shipped(connection, at=datetime.now(UTC))
            import_roads(connection, open_roads(self._place.roads)[1], at=datetime.now(UTC))
            self._place.make_people(connection, at=datetime.now(UTC))
            take_in_people(
                connection,
                seed=self.plan.seed,
                buses=self.plan.buses - self.plan.without_network,
                at=datetime.now(UTC),
            )
            write_rules(self._place.furniture_rules)
            take_in_list(
                connection,
                furniture_of(seed=self.plan.seed, buses=self.plan.buses),
                city=CITY,
                rules=self._place.furniture_rules,
                at=datetime.now(UTC),
            )
            for device, secret in self._secrets.items():
                enrol(connection, city=CITY, device=device, secret=secret, is_relay=device == STOP)
            for device in self.without_network:
                self._place.make_signing_bus(connection, device, at=datetime.now(UTC))

    def _wait_until_ready(self) -> None:
        ingest, _, serve, relay, _ = self.services
        ingest.wait_until(lambda: ingest.has_logged(LOG_OF_STARTED_INGEST), timeout_s=READY_WITHIN_S)
        relay.wait_until(lambda: relay.has_logged(LOG_OF_STARTED_RELAY), timeout_s=READY_WITHIN_S)
        # Not by asking the address: another program that took the port meanwhile would answer.
        serve.wait_until(lambda: serve.has_logged(LOG_OF_STARTED_SERVE), timeout_s=READY_WITHIN_S)
