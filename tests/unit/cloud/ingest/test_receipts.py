from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from cloud.fleet.streams import Range, Settled
from cloud.ingest.receipts import Courier, encode_receipt, make_receipt
from tests.unit.cloud.ingest.messages import AT
from wire.codec import decode_message
from wire.messages import Stored

STREAM = UUID("019ab4d2-3f00-7abc-8def-0123456789ab")


def settled(*ranges: Range, device: str = "bus-1", stream: UUID = STREAM) -> Settled:
    return Settled(city="town", device=device, stream=stream, ranges=ranges)


@pytest.mark.parametrize(
    ("ranges", "up_to", "missing"),
    [
        pytest.param((), 0, (), id="nothing"),
        pytest.param(((1, 7),), 7, (), id="no gap"),
        pytest.param(((3, 7),), 7, ((1, 2),), id="begin is missing"),
        pytest.param(((1, 2), (4, 4), (9, 9)), 9, ((3, 3), (5, 8)), id="gaps"),
    ],
)
def test_receipt_says_what_is_there(ranges: tuple[Range, ...], up_to: int, missing: tuple[Range, ...]) -> None:
    receipt = make_receipt(settled(*ranges))
    assert (receipt.up_to, receipt.missing) == (up_to, missing)


def test_receipt_with_too_many_gaps_speaks_only_of_the_first() -> None:
    receipt = make_receipt(settled(*[(number, number) for number in range(1, 5000, 2)]))
    assert len(receipt.missing) == 1024
    assert receipt.up_to == 2 * 1024 + 1
    assert all(last < receipt.up_to for _, last in receipt.missing)


def test_receipt_can_be_read_by_its_device() -> None:
    topic, payload = encode_receipt(settled((1, 3)), at=AT)
    parsed, envelope = decode_message(topic=topic, payload=payload)
    assert str(parsed) == "busense/v1/town/bus-1/stored"
    assert envelope.data == Stored(stream=str(STREAM), up_to=3, missing=())


class Post:
    """A courier with a clock to be turned and a list of what was sent."""

    def __init__(self) -> None:
        self.at = AT
        self.sent: list[tuple[str, int]] = []
        self.of_others: dict[Settled, Settled] = {}
        self.courier = Courier(self._publish, settled_now=self._settled_now, now=lambda: self.at)

    async def _settled_now(self, known: Sequence[Settled]) -> Sequence[Settled]:
        return [self.of_others.get(item, item) for item in known]

    async def _publish(self, topic: str, payload: bytes) -> None:
        receipt = decode_message(topic=topic, payload=payload)[1].data
        if isinstance(receipt, Stored):
            self.sent.append((topic.split("/")[3], receipt.up_to))

    async def note(self, *items: Settled, after_s: float = 0) -> None:
        self.at += timedelta(seconds=after_s)
        self.courier.note(items)
        await self.courier.send_due()


@pytest.mark.asyncio
async def test_first_receipt_goes_at_once_and_the_next_after_two_seconds() -> None:
    post = Post()
    await post.note(settled((1, 1)))
    await post.note(settled((1, 2)), after_s=0.5)
    await post.note(settled((1, 3)), after_s=0.5)
    assert post.sent == [("bus-1", 1)]
    await post.note(after_s=1)
    assert post.sent == [("bus-1", 1), ("bus-1", 3)]


@pytest.mark.asyncio
async def test_nothing_is_sent_twice() -> None:
    post = Post()
    await post.note(settled((1, 1)))
    await post.note(after_s=10)
    assert post.sent == [("bus-1", 1)]


@pytest.mark.asyncio
async def test_buses_do_not_wait_for_each_other() -> None:
    post = Post()
    await post.note(settled((1, 1)))
    await post.note(settled((1, 2)), settled((1, 9), device="bus-2"), after_s=1)
    assert post.sent == [("bus-1", 1), ("bus-2", 9)]


@pytest.mark.asyncio
async def test_each_outbox_of_a_bus_gets_its_receipt() -> None:
    post = Post()
    other = UUID("019ab4d2-3f00-7abc-8def-0123456789ac")
    await post.note(settled((1, 1)), settled((1, 5), stream=other))
    assert post.sent == [("bus-1", 1), ("bus-1", 5)]


@pytest.mark.asyncio
async def test_what_waits_goes_out_at_the_end() -> None:
    post = Post()
    await post.note(settled((1, 1)))
    await post.note(settled((1, 2)), after_s=1)
    await post.courier.send_all()
    assert post.sent[-1] == ("bus-1", 2)


@pytest.mark.asyncio
async def test_a_receipt_that_waited_tells_what_others_have_stored_meanwhile() -> None:
    post = Post()
    await post.note(settled((1, 1)))
    mine = settled((1, 2), (4, 4))
    await post.note(mine, after_s=1)
    post.of_others[mine] = settled((1, 9))
    await post.note(after_s=1)
    assert post.sent[-1] == ("bus-1", 9)
