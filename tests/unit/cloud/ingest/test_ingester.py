import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

import pytest

from cloud.errors import UnavailableError
from cloud.fleet.devices import Device
from cloud.fleet.streams import Settled
from cloud.fleet.wishes import Letters
from cloud.ingest.batch import Outcome
from cloud.ingest.handler import Handler
from cloud.ingest.ingester import HANDS, Ingester
from cloud.ingest.letters import Postman
from cloud.ingest.receipts import Courier
from cloud.ingest.subscriber import Delivery
from telemetry.server import Needs
from tests.unit.cloud.ingest.messages import AT, Outbox
from wire.envelope import make_id

pytestmark = pytest.mark.asyncio


class World:
    """A broker with a few batches and a database that can be away; everything that happens is noted in order."""

    def __init__(
        self,
        batches: Sequence[list[Delivery]],
        *,
        away: int = 0,
        stop_when_away: bool = False,
        commits_together: int = 1,
        broken_at: int = 0,
    ) -> None:
        self.happened: list[str] = []
        self.stop = asyncio.Event()
        self.needs = Needs()
        self.is_connected = True
        self._batches = list(batches)
        self._away = away
        self._stop_when_away = stop_when_away
        self._commits_together = commits_together
        self._broken_at = broken_at
        self._began = asyncio.Condition()
        self._begun = self._in_hand = 0
        self._is_over = asyncio.Event()
        self.hands_are_full = asyncio.Event()
        self.lacks_after: dict[int, set[str]] = {}

    @property
    def left(self) -> int:
        return len(self._batches)

    async def run(self) -> list[str]:
        courier = Courier(self.publish, settled_now=self.settled_now, now=lambda: AT)
        postman = Postman(self.publish, self, now=lambda: AT)
        ingester = Ingester(self, cast("Handler", self), courier, postman, needs=self.needs, stop=self.stop)
        await ingester.run()
        return self.happened

    async def next_batch(self) -> list[Delivery]:
        if not self._batches:
            await self._is_over.wait()
            self.stop.set()
            return []
        self._in_hand += 1
        return self._batches.pop(0)

    async def acknowledge(self, batch: Sequence[Delivery]) -> None:
        self.happened.append(f"acknowledge {len(batch)}")
        self.lacks_after[len(batch)] = set(self.needs.missing())
        self._in_hand -= 1
        if not self._batches and self._in_hand == 0:
            self._is_over.set()

    async def publish(self, topic: str, payload: bytes) -> None:
        del topic, payload
        self.happened.append("receipt")

    async def backlog(self) -> int | None:
        return len(self._batches)

    async def settled_now(self, known: Sequence[Settled]) -> Sequence[Settled]:
        return known

    async def take_letters(self, contacts: Iterable[Device], *, at: datetime) -> Letters | None:
        del contacts, at
        return [], []

    async def store(self, batch: Sequence[Delivery]) -> Outcome:
        if self._away > 0:
            self._away -= 1
            if self._stop_when_away:
                self.stop.set()
                self._is_over.set()
            self.happened.append("away")
            raise UnavailableError("no database")
        self.happened.append(f"store {len(batch)}")
        self._begun += 1
        if self._begun == self._broken_at:
            raise ZeroDivisionError
        if self._begun == HANDS:
            self.hands_are_full.set()
        async with self._began:
            self._began.notify_all()
            await self._began.wait_for(lambda: self._begun >= self._commits_together)
        return Outcome(settled=[Settled(city="c", device="d", stream=UUID(make_id(AT)), ranges=((1, 1),))])


async def test_batch_is_acknowledged_and_receipted_after_it_is_stored() -> None:
    batch = [Outbox().message()]
    assert await World([batch]).run() == ["store 1", "acknowledge 1", "receipt"]


async def test_last_receipt_goes_out_before_the_end() -> None:
    outbox = Outbox()
    happened = await World([[outbox.message()], [outbox.message()]]).run()
    assert happened[-1] == "receipt"
    assert happened.count("store 1") == happened.count("acknowledge 1") == 2


async def test_next_batch_begins_while_the_one_before_waits_for_the_disk() -> None:
    outbox = Outbox()
    world = World([[outbox.message()], [outbox.message()] * 2], commits_together=2)
    happened = await asyncio.wait_for(world.run(), 10)
    assert happened[:2] == ["store 1", "store 2"]
    assert sorted(set(happened[2:])) == ["acknowledge 1", "acknowledge 2", "receipt"]


async def test_no_more_is_taken_than_hands_can_hold() -> None:
    batches = [[Outbox().message()] for _ in range(5)]
    world = World(batches, commits_together=3)
    running = asyncio.create_task(world.run())
    await asyncio.wait_for(world.hands_are_full.wait(), 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert world.left == 5 - HANDS


async def test_an_error_of_our_own_ends_all() -> None:
    outbox = Outbox()
    world = World([[outbox.message()], [outbox.message()] * 2], commits_together=3, broken_at=2)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(world.run(), 10)
    assert not any("acknowledge" in each for each in world.happened)


async def test_nothing_is_acknowledged_while_the_database_is_away() -> None:
    assert await World([[Outbox().message()]], away=2).run() == ["away", "away", "store 1", "acknowledge 1", "receipt"]


async def test_it_says_that_storing_fails_until_the_last_batch_is_stored() -> None:
    world = World([[Outbox().message()], [Outbox().message()] * 2], away=1)
    await world.run()
    assert world.lacks_after == {2: {"storing"}, 1: set()}


async def test_stop_does_not_wait_for_a_database_that_is_away() -> None:
    assert await World([[Outbox().message()]], away=99, stop_when_away=True).run() == ["away"]
