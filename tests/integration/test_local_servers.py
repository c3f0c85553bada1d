"""The embedded servers: they start for root and for plain users, keep their data, and end."""

import os
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from busense.local.postgres import LocalPostgres
from tests.conftest import RunningBroker
from tests.waiting import wait_until


def test_postgres_keeps_its_data_over_a_kill(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path / "postgres")
    server.start()
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('here')")
    server.kill()
    server.start()
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
    server.stop()
    assert row == ("here",)


def test_postgres_refuses_a_wrong_password(postgres: LocalPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://busense:guessed@127.0.0.1:{postgres.port}/postgres")


def test_stopped_postgres_leaves_no_process(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path / "postgres", is_durable=False)
    server.start()
    pid = server.pid
    server.stop()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def _client(broker: RunningBroker, *, user: str, password: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"test-{user}", clean_session=True)
    client.username_pw_set(user, password)
    client.connect("127.0.0.1", int(broker.mqtt_url.rsplit(":", 1)[1]))
    client.loop_start()
    return client


def test_broker_carries_a_message_from_a_device_to_the_cloud(broker: RunningBroker) -> None:
    heard: list[bytes] = []
    cloud = _client(broker, user="cloud", password=broker.cloud_password)
    cloud.on_message = lambda _client, _data, message: heard.append(bytes(message.payload))
    subscribed: list[int] = []
    cloud.on_subscribe = lambda _client, _data, mid, _codes, _properties: subscribed.append(mid)
    cloud.subscribe("busense/v1/#", qos=1)
    wait_until(lambda: subscribed)
    device = _client(broker, user="bus-1", password=broker.device_secrets["bus-1"])
    device.publish("busense/v1/testcity/bus-1/health", b"well", qos=1)
    device.publish("busense/v1/testcity/bus-2/health", b"forged", qos=1)
    device.publish("busense/v1/testcity/bus-1/health", b"still well", qos=1)
    wait_until(lambda: b"still well" in heard)
    device.loop_stop()
    cloud.loop_stop()
    assert heard == [b"well", b"still well"]


def test_broker_refuses_a_wrong_secret(broker: RunningBroker) -> None:
    answers: list[ReasonCode] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="thief", clean_session=True)
    client.username_pw_set("bus-1", "guessed")
    client.on_connect = lambda _client, _data, _flags, code, _properties: answers.append(code)
    client.connect("127.0.0.1", int(broker.mqtt_url.rsplit(":", 1)[1]))
    client.loop_start()
    wait_until(lambda: answers)
    client.loop_stop()
    assert answers[0].is_failure


def test_device_hears_its_own_receipts_only(broker: RunningBroker) -> None:
    heard: list[str] = []
    device = _client(broker, user="bus-1", password=broker.device_secrets["bus-1"])
    device.on_message = lambda _client, _data, message: heard.append(message.topic)
    granted: list[int] = []
    device.on_subscribe = lambda _client, _data, mid, _codes, _properties: granted.append(mid)
    device.subscribe([("busense/v1/testcity/bus-1/stored", 1), ("busense/v1/testcity/bus-2/stored", 1)])
    wait_until(lambda: granted)
    cloud = _client(broker, user="cloud", password=broker.cloud_password)
    for number in (2, 1):
        cloud.publish(f"busense/v1/testcity/bus-{number}/stored", b"{}", qos=1)
    wait_until(lambda: heard)
    device.loop_stop()
    cloud.loop_stop()
    assert heard == ["busense/v1/testcity/bus-1/stored"]


def test_broker_tells_whether_it_is_up_with_its_store(broker: RunningBroker) -> None:
    assert httpx.get(broker.server.health_url).json() == {"status": "ok"}
