"""People with tags in the demo: taken in as a care desk does, and what was told of their rides against the truth."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import Connection

from cloud.people.vault import Vault
from cloud.travel.people import Desk, NewTag
from simulator.people import COUNTED_FROM_S, EXPONENT, LONG_ENOUGH_M, tag_of

PEOPLE: Final = 100  # at most one on every other bus
CONSENT_FOR: Final = timedelta(days=1)
LEFT_AFTER_S: Final = 110.0  # of listening in vain, and of waiting for what buses have to tell
_NAMES: Final = ("小明", "小红", "陈奶奶", "林爷爷", "小雨", "王奶奶", "小杰", "周爷爷")

_EVENTS: Final = """
SELECT p.name, e.kind, e.seen->>'reader' FROM travel_events e JOIN travel_people p ON p.id = e.traveller
WHERE e.withdrawn_at IS NULL AND e.kind IN ('boarded', 'left_bus')
"""


def take_in_people(connection: Connection[Any], *, seed: int, buses: int, at: datetime) -> None:
    """Take in everybody whose tag may ride on one of so many buses."""
    desk = Desk(connection=connection, vault=Vault(), at=at, actor="system:demo")
    for number in range(min((buses + 1) // 2, PEOPLE)):
        name = name_of(number)
        person = desk.add(name, "dementia" if name.endswith(("奶奶", "爷爷")) else "child")
        desk.consent(person, given_by="demo", covers=("journeys", "search"), from_at=at, until_at=at + CONSENT_FOR)
        counter_s = int(at.timestamp()) - COUNTED_FROM_S
        key = tag_of(seed, number).key.hex()
        tag = NewTag(kind="eid", secret=key, exponent=EXPONENT, counter_s=counter_s, battery_days=365)
        desk.add_tag(person, tag)


def name_of(number: int) -> str:
    """What one of them is called."""
    lap, place = divmod(number, len(_NAMES))
    return f"{_NAMES[place]}{lap + 1}" if lap else _NAMES[place]


def read_told(database_url: str) -> list[tuple[str, str, str]]:
    """Who boarded or left which bus, as the cloud concluded it."""
    with psycopg.connect(database_url) as connection:
        return connection.execute(_EVENTS).fetchall()


def score_travel(
    rides: Sequence[Mapping[str, Any]], told: Sequence[tuple[str, str, str]], *, driven_s: float
) -> dict[str, object]:
    """Rides that were far enough to be told, and whether they were; what was told and was none."""
    far = [ride for ride in rides if ride["ridden_m"] >= LONG_ENOUGH_M]
    over = [ride for ride in far if ride["leave_s"] + LEFT_AFTER_S <= driven_s]
    boarded = {(name_of(ride["person"]), "boarded", ride["device"]) for ride in far}
    left = {(name_of(ride["person"]), "left_bus", ride["device"]) for ride in over}
    true = {(name_of(ride["person"]), kind, ride["device"]) for ride in rides for kind in ("boarded", "left_bus")}
    return {
        "people": len(rides),
        "rides": len(boarded),
        "rides_told": len(boarded & set(told)),
        "leavings": len(left),
        "leavings_told": len(left & set(told)),
        "told_wrong": len(set(told) - true),
    }
