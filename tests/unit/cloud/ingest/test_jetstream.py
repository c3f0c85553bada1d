from datetime import UTC, datetime

import pytest

from cloud.ingest.jetstream import taken_at, to_topic


@pytest.mark.parametrize(
    ("subject", "topic"),
    [
        pytest.param("busense.v1.town.bus-1.state", "busense/v1/town/bus-1/state", id="ours"),
        pytest.param("busense.v1.a//b.c", "busense/v1/a.b/c", id="dot in a level"),
        pytest.param("busense.v1./.c", "busense/v1//c", id="empty level"),
    ],
)
def test_subject_becomes_the_topic_it_was(subject: str, topic: str) -> None:
    assert to_topic(subject) == topic


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param("$JS.ACK.$MQTT_msgs.busense-ingest.1.17.9.1700000000500000000.3", id="nine parts"),
        pytest.param("$JS.ACK.hub.abcdef.$MQTT_msgs.busense-ingest.1.17.9.1700000000500000000.3", id="eleven"),
        pytest.param("$JS.ACK.hub.abcdef.$MQTT_msgs.busense-ingest.1.17.9.1700000000500000000.3.x", id="twelve"),
    ],
)
def test_time_of_taking_stands_where_a_message_is_acknowledged(reply: str) -> None:
    assert taken_at(reply) == datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)
