"""Messages of many buses over one connection to a real broker."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulator.county.messages import Sent
from simulator.county.publish import AS_FAST_AS_IT_GOES, Publisher, in_time
from simulator.errors import PublishError
from tests.conftest import RunningBroker

BEGAN = datetime(2026, 11, 29, tzinfo=UTC)
MESSAGES = [
    Sent(at=BEGAN + timedelta(seconds=n), topic=f"busense/v1/testcity/far-{n % 7}/track", payload=b"%d" % n)
    for n in range(3000)
]


@contextmanager
def _heard(broker: RunningBroker) -> Generator[tuple[list[tuple[str, bytes]], threading.Event]]:
    """What a subscriber hears, and an event for when it is as much as was sent."""
    heard: list[tuple[str, bytes]] = []
    is_all, is_ready = threading.Event(), threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.username_pw_set("cloud", broker.cloud_password)

    def take(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        heard.append((message.topic, bytes(message.payload)))
        if len(heard) >= len(MESSAGES):
            is_all.set()

    client.on_message = take
    client.on_subscribe = lambda *_: is_ready.set()  # pyright: ignore[reportUnknownLambdaType]
    host, port = broker.mqtt_url.removeprefix("mqtt://").split(":")
    client.connect(host, int(port))
    client.subscribe("busense/v1/testcity/+/track", qos=1)
    client.loop_start()
    assert is_ready.wait(10)
    yield heard, is_all
    client.disconnect()
    client.loop_stop()


def test_everything_arrives_once_with_its_bytes(broker: RunningBroker) -> None:
    with _heard(broker) as (heard, is_all):
        publisher = Publisher(broker.mqtt_url, user="cloud", password=broker.cloud_password)
        assert in_time(MESSAGES, publisher.publish, rate=AS_FAST_AS_IT_GOES) == len(MESSAGES)
        publisher.close()
        assert is_all.wait(20)
    assert sorted(heard) == sorted((sent.topic, sent.payload) for sent in MESSAGES)


def test_a_message_that_no_topic_can_have_is_told(broker: RunningBroker) -> None:
    publisher = Publisher(broker.mqtt_url, user="cloud", password=broker.cloud_password)
    with pytest.raises(PublishError, match="#"):
        publisher.publish(Sent(at=BEGAN, topic="busense/#", payload=b""))
    publisher.close()


def test_a_wrong_password_is_told(broker: RunningBroker) -> None:
    with pytest.raises(PublishError, match="refuses"):
        Publisher(broker.mqtt_url, user="cloud", password=broker.cloud_password[::-1])


def test_a_broker_that_is_not_there_is_told() -> None:
    with pytest.raises(PublishError, match="cannot be reached"):
        Publisher("mqtt://127.0.0.1:1")
