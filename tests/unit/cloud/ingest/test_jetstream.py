import pytest

from cloud.ingest.jetstream import to_topic


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
