"""`busense work`: take what is waiting, then sleep until there is more."""

import contextlib
import logging
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import Connection

from cloud.cases.handling import Handling, load_handling
from cloud.condition.rules import load_rules
from cloud.config import CloudConfig
from cloud.db import idempotency
from cloud.db.changes import CHANNEL
from cloud.db.migrate import check_current
from cloud.db.pool import WORKER, connect
from cloud.driving.rules import load_driving_rules
from cloud.errors import PlaceBusyError, UnavailableError
from cloud.findings.catalogue import Catalogue, load_catalogue
from cloud.notify.targets import load_targets
from cloud.pictures.store import open_store
from cloud.requests.actions import run_clock
from cloud.scenarios.safe_travel.rules import load_travel_rules
from cloud.scenarios.stop_water.rules import load_water_rules
from cloud.scenarios.street_furniture.kinds import Kinds, load_kinds
from cloud.work import place, queue
from cloud.work.case_jobs import CaseJobs
from cloud.work.driving import look_after_driving
from cloud.work.fleet import look_after_roll_outs
from cloud.work.furniture import look_after_furniture
from cloud.work.hands import utc_now
from cloud.work.housekeeping import look_after_retention
from cloud.work.map import look_after_map
from cloud.work.notices import look_after_notices
from cloud.work.retention_rules import load_retention
from cloud.work.roads import look_after_roads
from cloud.work.step import fuse_places
from cloud.work.travel import look_after_travel
from cloud.work.trim import trim_changes
from cloud.work.watch import watching
from cloud.work.water import look_after_water

POLL_S: Final = 0.5  # coverages come without a notification
PLACES_AT_ONCE: Final = 16  # one transaction costs as much for one place as for these
RETRY_S: Final = 1.0
TRIM_EVERY: Final = timedelta(minutes=1)

_log = logging.getLogger(__name__)


class Rulebook(NamedTuple):
    """What a county sets, as the fusion and the cases need it."""

    catalogue: Catalogue
    handling: Handling
    kinds: Kinds


def work_until_signalled(config: CloudConfig) -> None:
    """Run until SIGTERM or SIGINT; the batch in hand is finished first.

    Raises:
        ConfigError, MigrationError: saying what has to be put right.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    with watching(config.telemetry.work, config.database.read_url()):
        work(config, stop)


def work(config: CloudConfig, stop: threading.Event) -> None:
    """Run until `stop` is set; a database that is away is waited for."""
    catalogue, handling = load_catalogue(config.work.catalogue), load_handling(config.work.handling)
    url, rules = config.database.read_url(), load_rules(config.work.condition)
    targets = load_targets(config.work.notify)
    retention = load_retention(config.work.retention)
    driving_rules, kinds = load_driving_rules(config.work.driving), load_kinds(config.work.furniture)
    zone = handling.working_calendar.zone
    keepers = (
        partial(look_after_roads, url, rules),
        partial(look_after_notices, url, targets, handling),
        partial(look_after_map, url),
        partial(look_after_roll_outs, url),
        partial(look_after_retention, url, partial(open_store, config.pictures), retention, zone),
        partial(look_after_driving, url, driving_rules),
        partial(look_after_water, url, load_water_rules(config.work.water), catalogue, handling),
        partial(
            look_after_furniture,
            url,
            kinds,
            catalogue=catalogue,
            handling=handling,
            open_store=partial(open_store, config.pictures),
        ),
        partial(look_after_travel, url, config.serve.vault_file, load_travel_rules(config.work.travel), zone),
    )
    with ThreadPoolExecutor(max_workers=len(keepers)) as executor:
        hands = [executor.submit(keeper, stop) for keeper in keepers]
        try:
            _work(url, Rulebook(catalogue, handling, kinds), stop)
        finally:
            stop.set()
        for hand in hands:
            hand.result()
    _log.info("work_ended")


def _work(url: str, rules: Rulebook, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            check_current(url)
            with connect(url, autocommit=True) as listener, connect(url, autocommit=True, name=WORKER) as connection:
                _log.info("work_started")
                _follow(listener, connection, rules, stop)
        except (UnavailableError, psycopg.OperationalError) as error:
            _log.warning("work_interrupted error=%s", type(error).__name__)
            stop.wait(RETRY_S)


def drain(
    connection: Connection[Any],
    *,
    catalogue: Catalogue,
    now: Callable[[], datetime],
    handling: Handling | None = None,
    kinds: Kinds | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Take everything that is waiting; returns how many messages it was. The connection is in autocommit."""
    fuse = partial(fuse_places, connection, catalogue=catalogue, handling=handling, kinds=kinds)
    count = 0
    while not should_stop():
        done = _step(connection, fuse, now)
        if done is None:
            return count
        count += done
    return count


def _follow(listener: Connection[Any], connection: Connection[Any], rules: Rulebook, stop: threading.Event) -> None:
    catalogue, handling, kinds = rules
    listener.execute(f"LISTEN {CHANNEL}")
    trimmed_at = datetime.min.replace(tzinfo=UTC)
    case_jobs = CaseJobs(connection=connection, catalogue=catalogue, handling=handling, now=utc_now)
    while not stop.is_set():
        drain(connection, catalogue=catalogue, handling=handling, kinds=kinds, now=utc_now, should_stop=stop.is_set)
        case_jobs.run()
        if utc_now() - trimmed_at > TRIM_EVERY:
            trimmed_at = utc_now()
            trim_changes(connection, at=trimmed_at)
            idempotency.trim(connection, at=trimmed_at)
            run_clock(connection, handling=handling, at=trimmed_at)
        for _ in listener.notifies(timeout=POLL_S, stop_after=1):
            pass


def _step(connection: Connection[Any], fuse: Callable[..., int], now: Callable[[], datetime]) -> int | None:
    """Take a batch of the first places where nobody is at work; none when nothing is waiting.

    When one of them reaches to where another worker is, one place after the other is tried. When others are at work at
    every place, wait for the first one that has something to do here.
    """
    cells = queue.waiting_places(connection)
    if not cells:
        return None
    first, needed = cells[0], place.cells_around(cells[0])
    with contextlib.suppress(PlaceBusyError), connection.transaction():
        if free := place.lock_free(connection, cells[:PLACES_AT_ONCE]):
            return fuse(free, at=now())
    for cell in cells:
        try:
            with connection.transaction():
                if place.lock_free(connection, [cell]):
                    return fuse([cell], at=now())
        except PlaceBusyError as error:
            needed = error.cells if cell == first else needed
    try:
        with connection.transaction():
            place.wait_for_cells(connection, needed)
            return fuse([first], at=now(), held=needed)
    except PlaceBusyError:
        return 0  # it reaches farther still: next time more is waited for
