"""A real `busense ingest` process, and a device that talks to the broker without keeping anything."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from cloud.ingest.subscriber import Delivery
from tests.conftest import RunningBroker
from tests.unit.cloud.ingest.messages import CITY
from tests.waiting import wait_until
from wire.codec import decode_envelope
from wire.messages import Kind, Stored
from wire.topics import Topic

ACK_WAIT_S = 1


class IngestProcess:
    """Starts, kills and ends `busense ingest`."""

    def __init__(self, folder: Path, *, database: str, broker: RunningBroker, kind: str, client_id: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        password = folder / "password"
        password.write_text(broker.cloud_password)
        self.log = folder / "ingest.log"
        self._ready = "ingest_started" if kind == "jetstream" else "broker_subscribed"
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = os.environ | {
            "BUSENSE_CITY": CITY,
            "BUSENSE_DATABASE__URL": database,
            "BUSENSE_BROKER__KIND": kind,
            "BUSENSE_BROKER__URL": broker.nats_url if kind == "jetstream" else broker.mqtt_url,
            "BUSENSE_BROKER__USER": "cloud",
            "BUSENSE_BROKER__PASSWORD_FILE": str(password),
            "BUSENSE_BROKER__CLIENT_ID": client_id,
            "BUSENSE_INGEST__ACK_WAIT_S": str(ACK_WAIT_S),
            "BUSENSE_INGEST__BATCH_SIZE": "50",
        }

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("it was not started")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it takes messages."""
        times = self._log_text().count(self._ready)
        self.launch()
        wait_until(lambda: self._log_text().count(self._ready) > times, timeout_s=30)

    def launch(self) -> None:
        """Start it and wait for nothing."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "busense", "ingest"], env=self.environment, stdout=log, stderr=log
            )

    def run_to_its_end(self) -> tuple[int, str]:
        """Run it where it must end by itself; returns its exit code and what it said."""
        command = [sys.executable, "-m", "busense", "ingest"]
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30, check=False)
        return result.returncode, result.stderr

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def end(self) -> int:
        """SIGTERM; returns the exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=20)

    def _log_text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


class TestDevice:
    """Publishes what it is given, once, and keeps the receipts it gets."""

    __test__ = False

    def __init__(self, broker: RunningBroker, device: str = "bus-1") -> None:
        self.receipts: list[Stored] = []
        self._acknowledged = 0
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=device, protocol=MQTTv311, clean_session=False)
        self._client.username_pw_set(device, broker.device_secrets[device])
        self._client.on_publish = self._count
        self._client.on_message = self._keep
        address = urlsplit(broker.mqtt_url)
        self._client.connect(address.hostname or "", address.port or 0)
        self._client.loop_start()
        self._client.subscribe(str(Topic(city=CITY, device=device, kind=Kind.STORED)), qos=1)

    def publish(self, deliveries: Iterable[Delivery]) -> None:
        """Send and wait until the broker has taken all."""
        wanted = self._acknowledged
        for delivery in deliveries:
            self._client.publish(delivery.topic, delivery.payload, qos=1)
            wanted += 1
        wait_until(lambda: self._acknowledged >= wanted, timeout_s=30)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _count(self, *_arguments: object) -> None:
        self._acknowledged += 1

    def _keep(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        receipt = decode_envelope(bytes(message.payload)).data
        if isinstance(receipt, Stored):
            self.receipts.append(receipt)


@contextmanager
def device_at(broker: RunningBroker, device: str = "bus-1") -> Generator[TestDevice]:
    running = TestDevice(broker, device)
    try:
        yield running
    finally:
        running.close()


@contextmanager
def running_ingesters(
    folder: Path, *, database: str, broker: RunningBroker, kind: str, count: int = 1
) -> Generator[Sequence[IngestProcess]]:
    """Ingesters of one kind: they share a durable consumer, or have one MQTT session each."""
    processes = [
        IngestProcess(
            folder / f"ingest-{number}",
            database=database,
            broker=broker,
            kind=kind,
            client_id="busense-ingest" if kind == "jetstream" else f"busense-ingest-{number}",
        )
        for number in range(count)
    ]
    try:
        for process in processes:
            process.start()
        yield processes
    finally:
        for process in processes:
            process.kill()
