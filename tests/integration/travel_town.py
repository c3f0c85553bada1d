"""A bus with a Bluetooth receiver on a straight street, told through the real ingest; and somebody with a tag."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from cloud.db.pool import connect
from cloud.ingest.handler import open_handler
from cloud.ingest.subscriber import Delivery
from cloud.people.vault import Vault
from cloud.scenarios.safe_travel.rules import load_travel_rules
from cloud.travel.hearing import Ears
from cloud.travel.people import Cover, Desk, NewJourney, NewTag
from cloud.work.travel import look, watch
from tests.integration.ingest_database import enrol_devices
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import Outbox
from wire.messages import Kind
from wire.tags import ephemeral_id

ZONE = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)  # a Tuesday, 8:00 in Shanghai
KEY = bytes(range(16))
COUNTER_S = 65_280
SPEED_MPS = 10.0
SCHOOL_M = 2000.0
BUSES = ("bus-1", "bus-2")
_LON, _LAT = place(SCHOOL_M, 0.0)
SCHOOL = NewJourney(
    name="school",
    lon=_LON,
    lat=_LAT,
    radius_m=80,
    days=range(1, 6),
    leave_at=time(7, 45),
    arrive_by=time(8, 10),
)


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


@dataclass(kw_only=True)
class TravelTown:
    """Buses that leave the west end at 8:00, and somebody who may be heard on them."""

    url: str
    vault: Vault = field(default_factory=Vault)
    ears: Ears = field(init=False)
    outboxes: dict[str, Outbox] = field(default_factory=dict[str, Outbox])

    def __post_init__(self) -> None:
        enrol_devices(self.url, BUSES, at=AT - timedelta(days=30))
        self.ears = Ears(self.vault)

    def add_child(
        self, *, key: bytes = KEY, has_journey: bool = True, covers: Sequence[Cover] = ("journeys", "search")
    ) -> UUID:
        """Somebody with consent, a tag, and a journey to the school at 2000 m by 8:10; all before is concluded."""
        with connect(self.url) as connection:
            desk = Desk(connection=connection, vault=self.vault, at=AT - timedelta(days=10), actor="chen")
            child = desk.add("小明", "child")
            until = AT + timedelta(days=300)
            desk.consent(child, given_by="王芳", covers=covers, from_at=desk.at, until_at=until)
            desk.add_tag(child, self.tag(key))
            if has_journey:
                desk.add_journey(child, SCHOOL)
            connection.execute("UPDATE travel_people SET look_at = %s WHERE id = %s", (after(-3600), child))
        return child

    def tag(self, key: bytes = KEY) -> NewTag:
        return NewTag(kind="eid", secret=key.hex(), exponent=10, counter_s=COUNTER_S, battery_days=400)

    def drive(
        self,
        *,
        bus: str = "bus-1",
        seconds: int = 900,
        aboard_s: tuple[float, float] = (100.0, 200.0),
        key: bytes = KEY,
        beacon: str | None = None,
        hears: bool = True,
        waits_from_s: float | None = None,
        counter_lost_s: int = 0,
    ) -> list[Delivery]:
        """A drive to the east from 8:00 on; the tag is heard for some of it, and a phone all the time.

        What the bus has to tell waits on it from a time on. `beacon`: an id that does not change, instead of a key's.
        """
        outbox = self.outboxes.setdefault(bus, Outbox(device=bus))
        told: list[Delivery] = []
        for begin_s in range(0, seconds, 10):
            outbox.at = after(begin_s + 10)
            told.append(outbox.message(Kind.TRACK, points=[self._point(begin_s + n) for n in range(10)]))
            if aboard_s[0] <= begin_s < aboard_s[1]:
                told.append(outbox.message(Kind.SIGHTING, **self._sighting(begin_s, key, beacon, counter_lost_s)))
            if begin_s % 60 == 50:
                oldest_s = 0.0 if waits_from_s is None else max(begin_s + 10 - waits_from_s, 0.0)
                told.append(outbox.message(Kind.HEALTH, ble_heard=60 if hears else 0, outbox_oldest_s=oldest_s))
        return told

    def all_told(self, seconds: float, *, bus: str = "bus-1") -> Delivery:
        """A report that nothing waits any more."""
        outbox = self.outboxes[bus]
        outbox.at = after(seconds)
        return outbox.message(Kind.HEALTH, ble_heard=60, outbox_oldest_s=0.0)

    def store(self, messages: Sequence[Delivery]) -> None:
        """Store as ingest does."""
        asyncio.run(self._store(messages))

    def work(self, at: datetime, *, zone: ZoneInfo = ZONE) -> None:
        """Let the worker do all that waits."""
        with connect(self.url, autocommit=True) as connection:
            watch(connection, at=at)
            while look(connection, self.ears, at=at, zone=zone, rules=load_travel_rules()):
                pass

    async def _store(self, messages: Sequence[Delivery]) -> None:
        async with open_handler(self.url) as handler:
            outcome = await handler.store(messages)
        if outcome.rejected:
            raise AssertionError(outcome.rejected)

    def _point(self, seconds: float) -> dict[str, object]:
        lon, lat = place(SPEED_MPS * seconds, 0.0)
        at = after(seconds).isoformat()
        return {"at": at, "lon": lon, "lat": lat, "accuracy_m": 3.0, "fix": "gnss", "speed_mps": SPEED_MPS}

    def _sighting(self, begin_s: float, key: bytes, beacon: str | None, lost_s: int) -> dict[str, object]:
        lon, lat = place(SPEED_MPS * (begin_s + 5), 0.0)
        counted_s = COUNTER_S + 10 * 86_400 + begin_s - lost_s
        tag = {
            "rotating_id": beacon or ephemeral_id(key, exponent=10, counter_s=int(counted_s)),
            "first_at": after(begin_s).isoformat(),
            "last_at": after(begin_s + 9).isoformat(),
            "heard": 9,
            "rssi_median_dbm": -75,
            "rssi_max_dbm": -68,
        }
        return {"lon": lon, "lat": lat, "accuracy_m": 50.0, "tags": [tag]}
