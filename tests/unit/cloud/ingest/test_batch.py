from datetime import timedelta

import pytest

from cloud.ingest.batch import announcements, device_news, stream_news
from cloud.ingest.reading import Readable, Rejected, admit, read_delivery, reject
from cloud.ingest.subscriber import Delivery
from cloud.observations.received import Received
from cloud.observations.staging import News
from tests.unit.cloud.ingest.messages import AT, Outbox, golden_data
from wire.messages import Kind

NO_NEWS = News(messages={}, points={}, healthy=frozenset())


def receive(*deliveries: Delivery) -> list[Received]:
    readable = [item for item in map(read_delivery, deliveries) if isinstance(item, Readable)]
    return [item for item in (admit(one, AT, public_key=None) for one in readable) if isinstance(item, Received)]


def test_device_that_nobody_enrolled_is_rejected_with_the_way_out() -> None:
    readable = read_delivery(Outbox().message())
    assert isinstance(readable, Readable)
    rejected = admit(readable, None, public_key=None)
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.sequence) == ("unknown_device", 1)
    assert "busense fleet enrol testcity/bus-1" in rejected.detail


def test_numbers_of_stored_and_quarantined_messages_are_both_settled() -> None:
    outbox = Outbox()
    good, bad = outbox.message(), outbox.message()
    rejected = reject(bad, reason="constraint", detail="")
    (news,) = stream_news(receive(good), [rejected], counts_received=True)
    assert (str(news.stream), news.sequences) == (outbox.stream, [1, 2])


def test_replayed_numbers_were_counted_before() -> None:
    (news,) = stream_news(receive(Outbox().message(Kind.HEALTH)), [], counts_received=False)
    assert (news.sequences, news.given_up) == ([], [(3, 5)])


def test_a_device_tells_what_it_gave_up_of_any_of_its_streams() -> None:
    outbox, older = Outbox(), Outbox()
    told = [
        {"kind": "track", "first": 3, "last": 5},
        {"kind": "coverage", "first": 7, "last": 9, "stream": older.stream},
    ]
    news = stream_news(receive(outbox.message(Kind.HEALTH, given_up=told)), [], counts_received=True)
    assert {str(each.stream): each.given_up for each in news} == {outbox.stream: [(3, 5)], older.stream: [(7, 9)]}


def test_message_without_a_readable_label_settles_nothing() -> None:
    rejected = reject(Outbox().delivery(Kind.STATE, b"bad"), reason="not_json", detail="")
    assert stream_news([], [rejected], counts_received=True) == []


def test_news_of_a_device_are_its_newest() -> None:
    outbox = Outbox()
    messages = [outbox.message(Kind.STATE, presence=presence) for presence in ("online", "offline", "online")]
    (news,) = device_news(receive(messages[2], messages[0], messages[1]), NO_NEWS)
    assert (news.presence, news.seen_at) == ("online", messages[2].received_at)
    assert news.is_worth_telling


@pytest.mark.parametrize("kind", [Kind.DETECTION, Kind.COVERAGE, Kind.DRIVING, Kind.SIGHTING])
def test_what_only_shows_that_a_device_is_there_is_not_told(kind: Kind) -> None:
    (news,) = device_news(receive(Outbox().message(kind)), NO_NEWS)
    assert not news.is_worth_telling


def test_clock_that_runs_ahead_never_sets_health_or_position() -> None:
    ahead = AT + timedelta(hours=1)
    outbox = Outbox()
    messages = [outbox.envelope(kind, {"time": ahead.isoformat()}) for kind in (Kind.HEALTH, Kind.TRACK)]
    (news,) = device_news(receive(*messages), NO_NEWS)
    assert (news.health, news.position) == (None, None)


def test_detection_without_a_picture_announces_none() -> None:
    outbox = Outbox()
    found = announcements(receive(outbox.message(), outbox.message(picture=None)))
    assert [item.picture.sha256 for item in found] == [golden_data(Kind.DETECTION)["picture"]["sha256"]]
