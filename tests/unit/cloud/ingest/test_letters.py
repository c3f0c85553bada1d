"""What buses are told of the cloud's own accord."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from cloud.fleet.devices import Device
from cloud.fleet.wishes import Letters, Request, Wish
from cloud.ingest.letters import Postman, encode_request, encode_wish
from tests.unit.cloud.ingest.messages import AT
from wire.codec import decode_message
from wire.envelope import make_id
from wire.messages import Command, CommandKind, TwinDesired

WISH = Wish(city="town", device="bus-1", version=3, settings={"camera.pitch_deg": 9.5})
REQUEST = Request(
    id=UUID(make_id(AT)),
    city="town",
    device="bus-1",
    kind=CommandKind.SEND_PICTURE,
    expires_at=AT + timedelta(minutes=1),
)


class Letterbox:
    """A postman with a clock to be turned, and what was told."""

    def __init__(self) -> None:
        self.at = AT
        self.is_away = False
        self.looked: list[set[Device]] = []
        self.told: list[str] = []
        self.postman = Postman(self._publish, self, now=lambda: self.at)

    async def take_letters(self, contacts: Iterable[Device], *, at: datetime) -> Letters | None:
        assert at == self.at
        self.looked.append(set(contacts))
        return None if self.is_away else ([WISH], [REQUEST])

    async def _publish(self, topic: str, payload: bytes) -> None:
        decode_message(topic=topic, payload=payload)
        self.told.append(topic)


def test_a_bus_can_read_its_letters() -> None:
    topic, payload = encode_wish(WISH, at=AT)
    assert topic == "busense/v1/town/bus-1/twin/desired"
    assert decode_message(topic=topic, payload=payload)[1].data == TwinDesired(version=3, settings=WISH.settings)
    topic, payload = encode_request(REQUEST, at=AT)
    assert topic == "busense/v1/town/bus-1/command"
    envelope = decode_message(topic=topic, payload=payload)[1]
    assert envelope.data == Command(kind=CommandKind.SEND_PICTURE, expires_at=REQUEST.expires_at)
    assert envelope.id == str(REQUEST.id)


@pytest.mark.asyncio
async def test_it_looks_once_a_second_and_tells_what_it_finds() -> None:
    box = Letterbox()
    box.postman.note([("town", "bus-1")])
    await box.postman.deliver_due()
    box.at += timedelta(seconds=0.9)
    await box.postman.deliver_due()
    assert box.looked == [{("town", "bus-1")}]
    assert box.told == ["busense/v1/town/bus-1/twin/desired", "busense/v1/town/bus-1/command"]
    box.at += timedelta(seconds=0.1)
    await box.postman.deliver_due()
    assert box.looked[1:] == [set()]


@pytest.mark.asyncio
async def test_who_has_spoken_is_kept_while_the_database_is_away() -> None:
    box = Letterbox()
    box.is_away = True
    box.postman.note([("town", "bus-1")])
    await box.postman.deliver_due()
    box.is_away = False
    box.at += timedelta(seconds=1)
    await box.postman.deliver_due()
    assert box.looked == [{("town", "bus-1")}, {("town", "bus-1")}]
    assert len(box.told) == 2
