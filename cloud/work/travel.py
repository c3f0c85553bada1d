"""The worker's hand for those who travel with a tag: what was heard is resolved, concluded, and ends in time."""

import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from cloud.db.steps import drain
from cloud.errors import ConfigError
from cloud.people.model import Actor, Role
from cloud.people.vault import Vault
from cloud.scenarios.safe_travel.rules import TravelRules
from cloud.travel.hearing import Ears
from cloud.travel.looks import Looks
from cloud.travel.people import drop_ended_journeys, erase_ended, forget_journeys
from cloud.travel.step import look_at_next
from cloud.travel.watch import note_watch
from cloud.work.hands import keep_at, utc_now

POLL_S: Final = 1.0
KEY_AGAIN_S: Final = 30.0
END_EVERY: Final = timedelta(seconds=20)
WATCH_EVERY: Final = timedelta(seconds=10)
SYSTEM: Final = Actor(name="system", role=Role.SYSTEM)

_log = logging.getLogger(__name__)


def look_after_travel(
    url: str, vault_file: Path | None, rules: TravelRules, zone: ZoneInfo, stop: threading.Event
) -> None:
    """Run until `stop` is set, and set it when something is wrong; database and key are waited for when they are away.

    Without the key that sealed the tags nobody is looked after, which is told; roads and cases go on.
    """

    def follow(connection: Connection[Any]) -> None:
        try:
            _follow(connection, Vault.read(vault_file), rules, zone, stop)
        except ConfigError as error:
            _log.error("travel_waits error=%s", error)
            stop.wait(KEY_AGAIN_S)

    keep_at("travel", follow, url=url, stop=stop)


def _follow(
    connection: Connection[Any], vault: Vault, rules: TravelRules, zone: ZoneInfo, stop: threading.Event
) -> None:
    ears = Ears(vault)
    ended_at = watched_at = datetime.min.replace(tzinfo=UTC)
    while not stop.is_set():
        at = utc_now()
        if at - ended_at > END_EVERY:
            ended_at = at
            end_what_is_over(connection, vault, at=at)
        if at - watched_at > WATCH_EVERY:
            watched_at = at
            watch(connection, at=at)
        if not look(connection, ears, at=at, zone=zone, rules=rules):
            stop.wait(POLL_S)


def watch(connection: Connection[Any], *, at: datetime) -> None:
    """Note where readers were until their last reports. The connection is in autocommit, as for all of these."""
    drain(connection, lambda: note_watch(connection, at=at))


def look(connection: Connection[Any], ears: Ears, *, at: datetime, zone: ZoneInfo, rules: TravelRules) -> int:
    """Resolve some of what was heard, and conclude about one person; none when nothing is waiting."""
    with connection.transaction():
        heard = ears.hear(connection, at=at, zone=zone)
    with connection.transaction():
        looked = look_at_next(connection, at=at, zone=zone, rules=rules)
    return heard + looked


def end_what_is_over(connection: Connection[Any], vault: Vault, *, at: datetime) -> None:
    """Close looks whose time is over, and delete what is known of those whose consent has ended."""
    with connection.transaction():
        Looks(connection=connection, at=at, actor=SYSTEM).end_those_over()
    erase_ended(connection, vault, at=at)
    forget_journeys(connection, at=at)
    drop_ended_journeys(connection, at=at)
