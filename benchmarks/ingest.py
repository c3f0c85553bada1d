"""How many messages a second are stored, from a publish by MQTT to a committed row (fsync on), and against what limits.

    python -m benchmarks.ingest --messages 20000 --ingesters 1 --peers --node-red FOLDER --json FILE

The same detections (about 1 kB each, of sixty buses) go four ways on this machine, one after the other: out of the
broker's stream to a consumer that throws them away (what the broker can deliver), out of the stream through
`busense ingest` into the database, by MQTT from a publisher of its own process through broker and ingest into the
database, and as ready rows by binary COPY into an empty table like it (what the database can take). The ratio is of the
second to the first: how much of what the broker delivers is stored as fast. With `--peers` programs of others store the
same messages on the same broker and database afterwards (`benchmarks/peers.py`).
"""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

import click
import nats
import paho.mqtt.client as mqtt
import psycopg
from nats.errors import TimeoutError as NatsTimeoutError
from paho.mqtt.enums import CallbackAPIVersion
from psycopg import sql
from rich.console import Console
from rich.table import Table

from benchmarks import peers
from benchmarks.record import record, write
from benchmarks.servers import CITY, PASSWORD, Cloud, cloud, cpu_s
from cloud.config import BrokerConfig, IngestConfig
from cloud.db.value import fetch_value
from cloud.ingest.jetstream import open_jetstream
from telemetry.result_file import RESULT_FILE
from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id
from wire.messages import Detection, ModelVersion

BUSES: Final = 60
GOAL: Final = 0.7
BATCH: Final = 500
DONE_WITHIN_S: Final = 600.0
POLL_S: Final = 0.02
_STREAM: Final = "$MQTT_msgs"
MODEL: Final = ModelVersion(name="road_damage", version="1", sha256="ab" * 32)

Published = tuple[str, bytes]


def detection(at: datetime, number: int) -> Detection:
    return Detection(
        class_code="D40",
        confidence=0.8,
        observed_at=at,
        first_seen_at=at,
        last_seen_at=at,
        lon=120.0 + number % 1000 / 1e4,
        lat=27.5,
        along_m=1.8,
        across_m=0.9,
        heading_deg=90.0,
        frames=5,
        box_xyxy_px=(300.0, 200.0, 350.0, 240.0),
        frame_width_px=640,
        frame_height_px=384,
        camera_id="front",
        model=MODEL,
        distance_m=8.0,
    )


def messages(count: int) -> Iterator[Published]:
    """Topic and payload."""
    at = datetime.now(UTC)
    streams = [make_id(at) for _ in range(BUSES)]
    for number in range(count):
        bus = number % BUSES
        envelope = Envelope(
            id=make_id(at),
            source=f"/{CITY}/bus-{bus}",
            time=at,
            data=detection(at, number),
            stream=streams[bus],
            sequence=number // BUSES + 1,
        )
        yield f"busense/v1/{CITY}/bus-{bus}/detection", encode_envelope(envelope)


def publish(url: str, name: str, made: list[Published], begin: Any) -> None:  # noqa: ANN401 - of a context that is chosen at run time
    """Send all by MQTT, QoS 1, as fast as they are acknowledged; in a process of its own."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311)
    client.username_pw_set("cloud", PASSWORD)
    client.max_queued_messages_set(0)
    client.max_inflight_messages_set(1000)
    address = urlsplit(url)
    client.connect(address.hostname or "", address.port or 0)
    client.loop_start()
    begin.wait()
    for topic, payload in made:
        last = client.publish(topic, payload, qos=1)
    last.wait_for_publish(DONE_WITHIN_S)  # pyright: ignore[reportPossiblyUnboundVariable] - there is at least one
    client.disconnect()
    client.loop_stop()


async def fill(place: Cloud, made: list[Published]) -> None:
    """Put messages into the stream as MQTT would; opening a subscriber first makes the stream and its consumer."""
    password = place.folder / "password"
    config = BrokerConfig(url=place.broker.nats_url, user="cloud", password_file=password)
    async with open_jetstream(config, IngestConfig(ack_wait_s=600)):
        pass
    client = await nats.connect(place.broker.nats_url, user="cloud", password=PASSWORD)  # pyright: ignore[reportUnknownMemberType]
    stream = client.jetstream(publish_async_max_pending=2000)  # pyright: ignore[reportUnknownMemberType]
    for topic, payload in made:
        await stream.publish_async("$MQTT.msgs." + topic.replace("/", "."), payload, wait_stall=60)  # pyright: ignore[reportUnknownMemberType]
    await stream.publish_async_completed()
    await client.close()


async def deliver(place: Cloud, count: int) -> float:
    """Take all messages out of the stream and acknowledge them; returns messages a second."""
    client = await nats.connect(place.broker.nats_url, user="cloud", password=PASSWORD)  # pyright: ignore[reportUnknownMemberType]
    stream = client.jetstream()  # pyright: ignore[reportUnknownMemberType]
    subscription = await stream.pull_subscribe_bind(durable="busense-ingest", stream=_STREAM)
    begun_s, taken = time.perf_counter(), 0
    while taken < count:
        try:
            batch = await subscription.fetch(BATCH, timeout=5)
        except NatsTimeoutError:
            break
        for message in batch:
            await message.ack()
        taken += len(batch)
    await client.flush()
    took_s = time.perf_counter() - begun_s
    await client.close()
    return taken / took_s


def count_of(connection: psycopg.Connection, table: str) -> int:
    return fetch_value(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))


def wait_until_stored(connection: psycopg.Connection, wanted: int, *, table: str = "observations") -> float:
    """Wait for rows; returns when they were there, in seconds of the clock."""
    deadline = time.perf_counter() + DONE_WITHIN_S
    while time.perf_counter() < deadline:
        if count_of(connection, table) >= wanted:
            return time.perf_counter()
        time.sleep(POLL_S)
    raise TimeoutError(f"{wanted} rows were not there after {DONE_WITHIN_S:.0f} s")


def stored_per_s(place: Cloud, count: int, *, ingesters: int) -> tuple[float, dict[str, float]]:
    """Let ingesters take what lies in the stream; counted is from the first row on.

    Returns:
        Messages a second, and microseconds of a core that a message takes, by who takes them.
    """
    with psycopg.connect(place.postgres.url(), autocommit=True) as connection:
        programs = [place.start("ingest") for _ in range(ingesters)]
        parts = {
            "ingest": {program.pid for program in programs if program.pid is not None},
            "database": {place.postgres.pid or 0},
            "broker": {place.broker.pid or 0},
        }
        begun_s = wait_until_stored(connection, 1)
        used_s = {name: cpu_s(pids) for name, pids in parts.items()}
        before = count_of(connection, "observations")
        took_s = wait_until_stored(connection, count) - begun_s
        cpu_us = {f"{name}_cpu_us": 1e6 * (cpu_s(pids) - used_s[name]) for name, pids in parts.items()}
    for program in programs:
        program.stop()
    return (count - before) / took_s, {name: round(each / (count - before), 1) for name, each in cpu_us.items()}


def published_per_s(place: Cloud, made: list[Published], *, table: str, publishers: int = 1) -> float:
    """Publish by MQTT to what runs already; from the first publish to the last committed row."""
    context = multiprocessing.get_context("spawn")
    begin = context.Event()
    parts = [(f"publisher-{number}", made[number::publishers]) for number in range(publishers)]
    programs = [
        context.Process(target=publish, args=(place.broker.mqtt_url, name, part, begin), daemon=True)
        for name, part in parts
    ]
    with psycopg.connect(place.postgres.url(), autocommit=True) as connection:
        before = count_of(connection, table)
        for program in programs:
            program.start()
        time.sleep(3)  # until it is connected; what it waits for is `begin`
        begun_s = time.perf_counter()
        begin.set()
        took_s = wait_until_stored(connection, before + len(made), table=table) - begun_s
    for program in programs:
        program.join()
    return len(made) / took_s


def end_to_end_per_s(place: Cloud, made: list[Published], *, ingesters: int, publishers: int) -> float:
    """Publish by MQTT while ingesters run."""
    programs = [place.start("ingest") for _ in range(ingesters)]
    for program in programs:
        program.wait_until(lambda each=program: "ingest_started" in each.log.read_text(), timeout_s=60)
    rate = published_per_s(place, made, table="observations", publishers=publishers)
    for program in programs:
        program.stop()
    return rate


def peers_per_s(place: Cloud, made: list[Published], *, node_red: Path | None) -> dict[str, float]:
    """What others store of the same messages: from the stream (mq-bridge), from a publish by MQTT (Node-RED)."""
    rates: dict[str, float] = {}
    if peers.has_mq_bridge():
        url = place.postgres.url()
        with peers.running_mq_bridge(place, made), psycopg.connect(url, autocommit=True) as connection:
            begun_s = wait_until_stored(connection, 1, table=peers.TABLE)
            before = count_of(connection, peers.TABLE)
            took_s = wait_until_stored(connection, len(made), table=peers.TABLE) - begun_s
        rates["mq_bridge_stored_per_s"] = round((len(made) - before) / took_s)
    if node_red is not None:
        with peers.running_node_red(place, node_red, peers.plain(made[0][1])):
            rates["node_red_published_to_stored_per_s"] = round(published_per_s(place, made, table=peers.TABLE))
    return rates


def copied_per_s(place: Cloud) -> float:
    """The same rows, ready, by COPY in one transaction into a table with the same checks and key."""
    with psycopg.connect(place.postgres.url(), autocommit=True) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY (SELECT * FROM observations) TO STDOUT (FORMAT BINARY)") as copy:
            rows = [bytes(part) for part in copy]
        cursor.execute("CREATE TABLE copied (LIKE observations INCLUDING ALL)")
        begun_s = time.perf_counter()
        with cursor.copy("COPY copied FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(b"".join(rows))
        took_s = time.perf_counter() - begun_s
        return fetch_value(connection, "SELECT count(*) FROM copied") / took_s


def run(
    folder: Path, *, count: int, ingesters: int, publishers: int, has_peers: bool, node_red: Path | None
) -> dict[str, float]:
    """All ways."""
    with cloud(folder) as place:
        place.enrol(f"bus-{bus}" for bus in range(BUSES))
        asyncio.run(fill(place, list(messages(count))))
        delivered = asyncio.run(deliver(place, count))
        asyncio.run(fill(place, list(messages(count))))
        stored, cpu_us = stored_per_s(place, count, ingesters=ingesters)
        through = end_to_end_per_s(place, list(messages(count)), ingesters=ingesters, publishers=publishers)
        return {
            "delivered_per_s": round(delivered),
            "stored_per_s": round(stored),
            "published_to_stored_per_s": round(through),
            "copied_per_s": round(copied_per_s(place)),
            **cpu_us,
            **(peers_per_s(place, list(messages(count)), node_red=node_red) if has_peers else {}),
        }


@click.command(help=__doc__)
@click.option("--messages", "count", default=20_000, show_default=True, type=click.IntRange(1000, 1_000_000))
@click.option("--ingesters", default=1, show_default=True, type=click.IntRange(1, 16))
@click.option("--publishers", default=1, show_default=True, type=click.IntRange(1, 16), help="By MQTT.")
@click.option("--peers", "has_peers", is_flag=True, help="Measure mq-bridge, too, if it is installed.")
@click.option(
    "--node-red", type=click.Path(path_type=Path, exists=True), help="Folder with node-red and pg; a peer, too."
)
@click.option("--json", "json_file", type=RESULT_FILE)
def main(
    *, count: int, ingesters: int, publishers: int, has_peers: bool, node_red: Path | None, json_file: Path | None
) -> None:
    with TemporaryDirectory(prefix="busense-") as folder:
        rates = run(
            Path(folder),
            count=count,
            ingesters=ingesters,
            publishers=publishers,
            has_peers=has_peers,
            node_red=node_red,
        )
    ratio = rates["stored_per_s"] / rates["delivered_per_s"]
    of_copy = rates["stored_per_s"] / rates["copied_per_s"]
    console = Console()
    for title, end in (("messages/s", "_per_s"), ("µs of a core for a message", "_cpu_us")):
        table = Table("way", title)
        for name, number in rates.items():
            if name.endswith(end):
                table.add_row(name.removesuffix(end).replace("_", " "), f"{number:,.0f}")
        console.print(table)
    console.print(f"stored is {ratio:.2f} of what the broker delivers (goal {GOAL}), {of_copy:.3f} of COPY")
    numbers = rates | {
        "rate": rates["stored_per_s"],
        "rows": count,
        "of_copy": round(of_copy, 4),
        "ingesters": ingesters,
        "publishers": publishers,
    }
    ratio_is = "messages stored a second to what the broker delivers to a consumer that throws them away; goal 0.7"
    write(json_file, record("ingest", ratio=ratio, ratio_is=ratio_is, seed=0, numbers=numbers))


if __name__ == "__main__":
    main()
