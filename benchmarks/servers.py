"""The cloud's programs on this machine as a benchmark needs them: embedded database and broker, `busense` processes."""

import os
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from busense.local.broker import LocalBroker
from busense.local.postgres import LocalPostgres
from busense.local.processes import Program, ending_with_us, free_port
from cloud.db.migrate import migrate
from cloud.fleet.devices import enrol

CITY: Final = "bench"
PASSWORD: Final = "a-password-of-a-benchmark"  # noqa: S105 - of a broker that lives for a minute
READY_S: Final = 60.0
# As deploy/ has it: what is stored and shown goes first. Where Linux schedules by sessions, the session has to be told.
_AFTER_OTHERS: Final = ("sh", "-c", 'echo 10 2>/dev/null >/proc/self/autogroup; exec nice -n 10 "$@"', "sh")


@contextmanager
def database(folder: Path, *, is_durable: bool) -> Generator[LocalPostgres]:
    """An embedded PostgreSQL with all tables."""
    server = LocalPostgres(folder / "postgres", is_durable=is_durable)
    server.start()
    try:
        migrate(server.url())
        yield server
    finally:
        server.stop()


def start(word: str, folder: Path, *, settings: Mapping[str, str], url: str) -> Program:
    """Start `busense …` on a database."""
    environment = os.environ | {
        "BUSENSE_CITY": CITY,
        "BUSENSE_DATABASE__URL": url,
        "BUSENSE_PICTURES__URL": f"file://{folder / 'pictures'}",
        **settings,
    }
    log = folder / f"{word}-{len(list(folder.glob('*.log')))}.log"
    command = ending_with_us([sys.executable, "-m", "busense", word])
    if word == "work":
        command = [*_AFTER_OTHERS, *command]
    program = Program(f"busense {word}", command, log=log, env=environment)
    program.start()
    return program


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A server and a client of its API."""

    client: httpx.Client
    program: Program


@contextmanager
def serving(url: str, folder: Path) -> Generator[Serving]:
    """A server that visitors may look at, once it answers."""
    port = free_port()
    settings = {"BUSENSE_SERVE__PORT": str(port), "BUSENSE_SERVE__VISITORS": "true"}
    program = start("serve", folder, settings=settings, url=url)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=120) as client:
            program.wait_until(lambda: _answers(client), timeout_s=READY_S)
            yield Serving(client=client, program=program)
    finally:
        program.stop()


@dataclass(slots=True, kw_only=True)
class Cloud:
    """Broker, database and the programs that were started with them."""

    folder: Path
    postgres: LocalPostgres
    broker: LocalBroker
    stack: ExitStack

    def start(self, word: str) -> Program:
        """Start `busense …`; it ends with the cloud."""
        settings = {
            "BUSENSE_BROKER__URL": self.broker.nats_url,
            "BUSENSE_BROKER__USER": "cloud",
            "BUSENSE_BROKER__PASSWORD_FILE": str(self.folder / "password"),
        }
        program = start(word, self.folder, settings=settings, url=self.postgres.url())
        self.stack.callback(program.stop)
        return program

    def serve(self) -> httpx.Client:
        """Start a server that visitors may look at; returns a client of its API once it answers."""
        return self.stack.enter_context(serving(self.postgres.url(), self.folder)).client

    def enrol(self, devices: Iterable[str]) -> None:
        """Let these devices in."""
        enrol_all(self.postgres.url(), devices)

    def publisher(self, name: str) -> mqtt.Client:
        """An MQTT client that may speak for all devices, with its own thread."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311)
        client.username_pw_set("cloud", PASSWORD)
        client.max_queued_messages_set(0)
        client.max_inflight_messages_set(1000)
        address = urlsplit(self.broker.mqtt_url)
        client.connect(address.hostname or "", address.port or 0)
        client.loop_start()
        self.stack.callback(client.loop_stop)
        self.stack.callback(client.disconnect)
        return client


def enrol_all(url: str, devices: Iterable[str]) -> None:
    """Let these devices in."""
    with psycopg.connect(url, autocommit=True) as connection:
        for device in devices:
            enrol(connection, city=CITY, device=device, secret=PASSWORD)


@contextmanager
def cloud(folder: Path) -> Generator[Cloud]:
    """A broker and a database that keep what they acknowledge (fsync on)."""
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    with ExitStack() as stack:
        postgres = stack.enter_context(database(folder, is_durable=True))
        broker = LocalBroker(folder / "broker", city=CITY, cloud_password=PASSWORD, device_secrets={})
        broker.start()
        stack.callback(broker.stop)
        yield Cloud(folder=folder, postgres=postgres, broker=broker, stack=stack)


def cpu_s(parents: set[int]) -> float:
    """Time on a core of these processes and their children; it does not tell of what else the machine does."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(file.parent.name) in parents or int(fields[1]) in parents:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").is_success
    except httpx.TransportError:
        return False
