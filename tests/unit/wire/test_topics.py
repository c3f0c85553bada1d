"""Topics are read back as written, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.errors import TopicError
from wire.messages import Kind
from wire.topics import FROM_DEVICE, TO_DEVICE, Topic, device_topics, parse_topic

_slugs = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


@given(_slugs, _slugs, st.sampled_from(Kind))
def test_topic_is_read_back_as_written(city: str, device: str, kind: Kind) -> None:
    topic = Topic(city=city, device=device, kind=kind)
    assert parse_topic(str(topic)) == topic
    assert topic.source == f"/{city}/{device}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "busense/v1/town/bus-1",
        "busense/v2/town/bus-1/track",
        "busense/v1/town/bus-1/track/more",
        "busense/v1/town/bus-1/unheard",
        "busense/v1/Town/bus-1/track",
        "busense/v1/town/bus.1/track",
        "busense/v1/town/-bus/track",
        "busense/v1/town//track",
        "busense/v1/town/bus-1\n/track",
        f"busense/v1/town/{'b' * 64}/track",
    ],
)
def test_foreign_topic_is_refused(text: str) -> None:
    with pytest.raises(TopicError):
        parse_topic(text)


def test_every_kind_goes_one_way() -> None:
    assert set(Kind) == FROM_DEVICE | TO_DEVICE
    assert not FROM_DEVICE & TO_DEVICE
    assert "busense/v1/town/bus-1/twin/desired" in device_topics(city="town", device="bus-1", kinds=TO_DEVICE)
