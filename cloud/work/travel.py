"""The worker's hand for those who travel with a tag: what was heard is resolved, concluded, and ends in time."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from cloud.db.pool import connect
from cloud.people.model import Actor, Role
from cloud.people.vault import Vault
from cloud.travel.hearing import Ears
from cloud.travel.looks import Looks
from cloud.travel.people import erase_ended
from cloud.travel.step import look_at_next
from cloud.travel.watch import note_watch
from cloud.work.hands import keep_at

POLL_S: Final = 1.0
END_EVERY: Final = timedelta(seconds=20)
SYSTEM: Final = Actor(name="system", role=Role.SYSTEM)


def look_after_travel(url: str, vault: Vault, zone: ZoneInfo, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""
    keep_at("travel", lambda: _follow(url, vault, zone, stop), url=url, stop=stop)


def _follow(url: str, vault: Vault, zone: ZoneInfo, stop: threading.Event) -> None:
    ears = Ears(vault)
    ended_at = datetime.min.replace(tzinfo=UTC)
    with connect(url, autocommit=True) as connection:
        while not stop.is_set():
            at = datetime.now(UTC)
            if at - ended_at > END_EVERY:
                ended_at = at
                end_what_is_over(connection, vault, at=at)
            if not step(connection, ears, at=at, zone=zone):
                stop.wait(POLL_S)


def step(connection: Connection[Any], ears: Ears, *, at: datetime, zone: ZoneInfo) -> int:
    """Do some of what is waiting, each in a transaction of its own; none when nothing is. It is in autocommit."""
    with connection.transaction():
        heard = ears.hear(connection, at=at, zone=zone)
    with connection.transaction():
        watched = note_watch(connection, at=at)
    with connection.transaction():
        looked = look_at_next(connection, at=at, zone=zone)
    return heard + watched + looked


def end_what_is_over(connection: Connection[Any], vault: Vault, *, at: datetime) -> None:
    """Close looks whose time is over, and delete what is known of those whose consent has ended."""
    with connection.transaction():
        Looks(connection=connection, at=at, actor=SYSTEM).end_those_over()
    erase_ended(connection, vault, at=at)
