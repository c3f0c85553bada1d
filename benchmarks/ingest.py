"""How many messages a second `busense ingest` stores, from the broker's stream to a committed row (fsync on).

    python -m benchmarks.ingest --messages 20000 --ingesters 1

The messages (detections of 60 buses, about 1 kB each) lie in the broker before the ingesters start; measured is the
time from the first batch to the last. Everything runs on this machine, which is named with the result.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import nats
import psycopg

from busense.local.broker import LocalBroker
from busense.local.postgres import LocalPostgres
from cloud.config import BrokerConfig, IngestConfig
from cloud.db.migrate import migrate
from cloud.fleet.devices import enrol
from cloud.ingest.jetstream import open_jetstream
from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id
from wire.messages import Detection, ModelVersion

CITY = "bench"
BUSES = 60
PASSWORD = "a-password-of-a-benchmark"  # noqa: S105 - of a broker that lives for a minute
_RATE = """
WITH batches AS (SELECT at, count(*) AS messages FROM changes WHERE kind = 'observation' GROUP BY at),
ends AS (SELECT max(at) AS last_at FROM batches)
SELECT sum(messages) FILTER (WHERE at < last_at) / extract(epoch FROM last_at - min(at))
FROM batches, ends GROUP BY last_at
"""
MODEL = ModelVersion(name="road_damage", version="1", sha256="ab" * 32)


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


def messages(count: int) -> Iterator[tuple[str, bytes]]:
    """Subject and payload, as the broker keeps what came by MQTT."""
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
        yield f"$MQTT.msgs.busense.v1.{CITY}.bus-{bus}.detection", encode_envelope(envelope)


async def fill(broker: LocalBroker, config: BrokerConfig, count: int) -> None:
    """Put the messages into the stream; opening a subscriber first makes the stream and its consumer."""
    async with open_jetstream(config, IngestConfig(ack_wait_s=600)):
        pass
    client = await nats.connect(broker.nats_url, user="cloud", password=PASSWORD)  # pyright: ignore[reportUnknownMemberType]
    stream = client.jetstream(publish_async_max_pending=2000)  # pyright: ignore[reportUnknownMemberType]
    for subject, payload in messages(count):
        await stream.publish_async(subject, payload, wait_stall=60)  # pyright: ignore[reportUnknownMemberType]
    await stream.publish_async_completed()
    await client.close()


@contextmanager
def ingester(environment: dict[str, str], log: Path) -> Generator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "busense", "ingest"], env=environment, stderr=file)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def stored_per_s(connection: psycopg.Connection, count: int) -> float:
    """Wait for the last row; then the rows before the last batch, by the time from the first batch to the last."""
    while connection.execute("SELECT count(*) FROM observations").fetchone() != (count,):
        time.sleep(0.2)
    row = connection.execute(_RATE).fetchone()
    return float(row[0]) if row is not None else 0.0


def run(folder: Path, *, count: int, ingesters: int, batch_size: int) -> float:
    """Run once and return messages a second."""
    postgres = LocalPostgres(folder / "postgres", is_durable=True)
    broker = LocalBroker(folder / "broker", city=CITY, cloud_password=PASSWORD, device_secrets={})
    password = folder / "password"
    password.write_text(PASSWORD)
    with ExitStack() as stack:
        postgres.start()
        stack.callback(postgres.stop)
        broker.start()
        stack.callback(broker.stop)
        migrate(postgres.url())
        connection = stack.enter_context(psycopg.connect(postgres.url(), autocommit=True))
        for bus in range(BUSES):
            enrol(connection, city=CITY, device=f"bus-{bus}", secret=PASSWORD)
        config = BrokerConfig(url=broker.nats_url, user="cloud", password_file=password)
        asyncio.run(fill(broker, config, count))
        environment = os.environ | {
            "BUSENSE_CITY": CITY,
            "BUSENSE_DATABASE__URL": postgres.url(),
            "BUSENSE_BROKER__URL": broker.nats_url,
            "BUSENSE_BROKER__USER": "cloud",
            "BUSENSE_BROKER__PASSWORD_FILE": str(password),
            "BUSENSE_INGEST__BATCH_SIZE": str(batch_size),
        }
        for number in range(ingesters):
            stack.enter_context(ingester(environment, folder / f"ingest-{number}.log"))
        return stored_per_s(connection, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--ingesters", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rate = run(
            Path(folder),
            count=arguments.messages,
            ingesters=arguments.ingesters,
            batch_size=arguments.batch_size,
        )
    device = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    result = {"messages_per_s": round(rate), "load": round(os.getloadavg()[0], 1), "device": device}
    print(json.dumps(result | vars(arguments)))


if __name__ == "__main__":
    main()
