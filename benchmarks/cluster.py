"""Three NATS nodes on this machine as broker and stream; one is killed under load, an ingester too: nothing is lost.

    python -m benchmarks.cluster --messages 20000 --rate 2000 --json FILE

Each message is kept by all three nodes. Two `busense ingest` store what comes; they are told of the nodes by
configuration only (`broker.url` names them, nothing else differs from one node). The publisher speaks MQTT to one node;
at a third of the messages that node is killed (-9) and it goes on at the next one with what was not acknowledged; at
half of them an ingester is killed. The node comes back at two thirds. In the end every message must be stored once.
The ratio is of rows to messages.
"""

import json
import time
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.progress import track

from benchmarks.ingest import BUSES, Published, messages
from benchmarks.record import record, write
from benchmarks.servers import PASSWORD, database, enrol_all, start
from busense.local.broker import find_server
from busense.local.processes import Program, accepts_connections, ending_with_us, free_port
from cloud.db.value import fetch_value
from telemetry.result_file import RESULT_FILE

NODES: Final = 3
WINDOW: Final = 500  # not acknowledged yet
DONE_WITHIN_S: Final = 180.0
PAUSE_S: Final = 0.01
CONNECTED_WITHIN_S: Final = 10.0


@dataclass(slots=True, kw_only=True)
class Node:
    """One server of the cluster."""

    number: int
    folder: Path
    nats_port: int = field(default_factory=free_port)
    mqtt_port: int = field(default_factory=free_port)
    route_port: int = field(default_factory=free_port)
    program: Program | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.nats_port}"

    def start(self, nodes: Sequence["Node"]) -> None:
        """Start it, with the same store each time."""
        self.folder.mkdir(exist_ok=True)
        config = self.folder / "nats.conf"
        config.write_text(json.dumps(self.configuration(nodes), indent=1), encoding="utf-8")
        command = ending_with_us([find_server(), "--config", str(config)])
        self.program = Program(f"node {self.number}", command, log=self.folder / "nats.log")
        self.program.start()
        self.program.wait_until(lambda: accepts_connections(self.nats_port), timeout_s=30)

    def configuration(self, nodes: Sequence["Node"]) -> dict[str, object]:
        """NATS reads JSON."""
        return {
            "server_name": f"node-{self.number}",
            "listen": f"127.0.0.1:{self.nats_port}",
            "cluster": {
                "name": "busense",
                "listen": f"127.0.0.1:{self.route_port}",
                "routes": [f"nats://127.0.0.1:{node.route_port}" for node in nodes],
            },
            "jetstream": {"store_dir": str(self.folder / "store")},
            "mqtt": {"listen": f"127.0.0.1:{self.mqtt_port}", "ack_wait": "30s", "stream_replicas": NODES},
            "authorization": {"users": [{"user": "cloud", "password": PASSWORD}]},
        }

    def kill(self) -> None:
        if self.program is not None:
            self.program.kill()


@contextmanager
def cluster(folder: Path) -> Generator[list[Node]]:
    """Three nodes that have found each other."""
    nodes = [Node(number=number, folder=folder / f"node-{number}") for number in range(NODES)]
    with ExitStack() as stack:
        for node in nodes:
            node.start(nodes)
            stack.callback(node.kill)
        for node in nodes:
            if node.program is not None:
                node.program.wait_until(lambda each=node: accepts_connections(each.mqtt_port), timeout_s=60)
        yield nodes


class Publisher:
    """Sends by MQTT to one node after the other, and again what was not acknowledged."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = list(nodes)
        self._number: int = 0
        self._waiting: dict[int, Published] = {}  # by the number of the packet
        self._acknowledged: deque[int] = deque()  # filled by the client's thread
        self._client: mqtt.Client | None = None
        self.again = 0

    def connect(self) -> None:
        """Be known before anything is sent."""
        self._connected()

    def send(self, message: Published) -> None:
        """Send one, and wait while too many are not acknowledged."""
        client = self._settle(WINDOW - 1)
        self._waiting[client.publish(*message, qos=1).mid] = message

    def finish(self) -> None:
        """Wait until all are acknowledged."""
        client = self._settle(0)
        client.disconnect()
        client.loop_stop()

    def _settle(self, most: int) -> mqtt.Client:
        """Wait until at most so many are not acknowledged; returns a client that is connected."""
        deadline = time.monotonic() + DONE_WITHIN_S
        while True:
            client = self._connected()
            while self._acknowledged:
                self._waiting.pop(self._acknowledged.popleft(), None)
            if len(self._waiting) <= most:
                return client
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self._waiting)} messages are not acknowledged")
            time.sleep(PAUSE_S)

    def _connected(self) -> mqtt.Client:
        """The client; a new one at the next node when this one's is gone."""
        while self._client is None or not self._client.is_connected():
            if self._client is not None:
                self._client.loop_stop()
                self._number = (self._number + 1) % len(self._nodes)
            self._client = self._open(self._nodes[self._number])
        return self._client

    def _open(self, node: Node) -> mqtt.Client | None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="publisher", protocol=mqtt.MQTTv311)
        client.username_pw_set("cloud", PASSWORD)
        client.max_inflight_messages_set(WINDOW)
        acknowledged = self._acknowledged = deque()
        client.on_publish = lambda _client, _data, mid, _code, _more: acknowledged.append(mid)
        try:
            client.connect("127.0.0.1", node.mqtt_port)
        except OSError:
            self._number = (self._number + 1) % len(self._nodes)
            time.sleep(PAUSE_S)
            return None
        client.loop_start()
        deadline = time.monotonic() + CONNECTED_WITHIN_S
        while not client.is_connected() and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
        waiting = list(self._waiting.values())
        self.again += len(waiting)
        self._waiting = {client.publish(*message, qos=1).mid: message for message in waiting}
        return client


def run(folder: Path, *, count: int, rate: float, console: Console) -> dict[str, float]:
    """Send, kill, count."""
    made = list(messages(count))
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    with database(folder, is_durable=True) as postgres, cluster(folder) as nodes, ExitStack() as stack:
        enrol_all(postgres.url(), (f"bus-{bus}" for bus in range(BUSES)))
        settings = {
            "BUSENSE_BROKER__URL": ",".join(node.url for node in nodes),
            "BUSENSE_BROKER__USER": "cloud",
            "BUSENSE_BROKER__PASSWORD_FILE": str(folder / "password"),
        }
        publisher = Publisher(nodes)
        publisher.connect()  # NATS makes its streams for the first one who comes
        ingesters = [start("ingest", folder, settings=settings, url=postgres.url()) for _ in range(2)]
        for ingester in ingesters:
            stack.callback(ingester.stop)
            ingester.wait_until(lambda each=ingester: "ingest_started" in each.log.read_text(), timeout_s=60)
        begun_s = time.perf_counter()
        for number, message in enumerate(track(made, description="messages", console=console)):
            while time.perf_counter() - begun_s < number / rate:
                time.sleep(PAUSE_S)
            publisher.send(message)
            if number == count // 3:
                nodes[0].kill()
            if number == count // 2:
                ingesters[0].kill()
            if number == 2 * count // 3:
                nodes[0].start(nodes)
        publisher.finish()
        sent_s = time.perf_counter() - begun_s
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            rows = _rows_when_done(connection, count)
            again = int(fetch_value(connection, "SELECT coalesce(sum(redelivered), 0) FROM device_streams"))
        return {
            "rows": rows,
            "sent_again": publisher.again,
            "came_again": again,
            "sent_s": round(sent_s, 1),
            "stored_s": round(time.perf_counter() - begun_s, 1),
        }


def _rows_when_done(connection: psycopg.Connection, count: int) -> int:
    deadline, rows = time.monotonic() + DONE_WITHIN_S, 0
    while rows < count and time.monotonic() < deadline:
        time.sleep(0.2)
        rows = fetch_value(connection, "SELECT count(*) FROM observations")
    return rows


@click.command(help=__doc__)
@click.option("--messages", "count", default=20_000, show_default=True, type=click.IntRange(300, 1_000_000))
@click.option("--rate", default=2000.0, show_default=True, help="Messages a second.", type=click.FloatRange(1))
@click.option("--json", "json_file", type=RESULT_FILE)
def main(*, count: int, rate: float, json_file: Path | None) -> None:
    console = Console()
    with TemporaryDirectory(prefix="busense-") as folder:
        numbers = run(Path(folder), count=count, rate=rate, console=console)
    ratio = numbers["rows"] / count
    times = f"sent in {numbers['sent_s']} s, stored in {numbers['stored_s']} s"
    console.print(
        f"{numbers['rows']} of {count} stored; {numbers['sent_again']} sent again by the publisher,"
        f" {numbers['came_again']} came again and were ignored; {times}"
    )
    ratio_is = "rows to messages: 1 is none lost and none doubled"
    write(json_file, record("cluster", ratio=ratio, ratio_is=ratio_is, seed=0, numbers={"asked_rate": rate} | numbers))


if __name__ == "__main__":
    main()
