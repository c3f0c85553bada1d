"""Looks at what waits in the database, so that others can be told; only where somebody may ask."""

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any, Final, LiteralString

import psycopg
from prometheus_client import Gauge
from psycopg import Connection

from cloud.db.aside import Kind
from cloud.db.pool import connect
from cloud.db.value import fetch_value
from cloud.errors import UnavailableError
from cloud.metrics import UNKNOWN
from cloud.work import metrics
from telemetry.server import Needs, telling

LOOK_EVERY_S: Final = 10.0

_QUEUES: Final = """
SELECT 'observations', count(*), extract(epoch FROM now() - min(queued_at))::float8 FROM fusion_queue
UNION ALL
SELECT 'condition', count(*), extract(epoch FROM now() - min(queued_at))::float8 FROM condition_queue
UNION ALL
SELECT 'segments', count(*), NULL FROM segments_to_assess
UNION ALL
SELECT 'driving', count(*), extract(epoch FROM now() - min(queued_at))::float8 FROM driving_queue
UNION ALL
SELECT 'case_events', count(*), extract(epoch FROM now() - min(h.at))::float8
FROM case_events e JOIN case_history h ON h.case_id = e.case_id AND h.serial = e.serial
"""
_ASIDE: Final = "SELECT kind, count(*) FROM set_aside WHERE returned_at IS NULL GROUP BY kind"
_DELIVERIES: Final = "SELECT state, count(*) FROM deliveries WHERE state IN ('waiting', 'dead') GROUP BY state"
_BUSES: Final = """
SELECT CASE presence WHEN 'online' THEN 'online' ELSE 'offline' END, count(*) FROM devices
WHERE NOT is_relay AND revoked_at IS NULL GROUP BY 1
"""
_QUARANTINE: Final = "SELECT count(*) FROM quarantine WHERE replayed_at IS NULL"
_TIMERS_LATE: Final = """
SELECT count(*) FROM case_timers WHERE fired_at IS NULL AND fire_at < now() - interval '1 minute'
"""


@contextmanager
def watching(address: str | None, url: str) -> Generator[None]:
    """Look and tell while the context lasts; without an address do neither."""
    if address is None:
        yield
        return
    needs, stop = Needs(database="the database has not been reached yet"), threading.Event()
    looking = threading.Thread(target=_look_on, args=(url, needs, stop), name="watch")
    with telling(address, process="work", missing=needs.missing):
        looking.start()
        try:
            yield
        finally:
            stop.set()
            looking.join()


def _look_on(url: str, needs: Needs, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            with connect(url, autocommit=True) as connection:
                look(connection)
        except (UnavailableError, psycopg.OperationalError) as error:
            _forget()
            needs.lack("database", str(error).partition("\n")[0])
        else:
            needs.have("database")
        stop.wait(LOOK_EVERY_S)


def look(connection: Connection[Any]) -> None:
    """Count what waits. The connection is in autocommit."""
    for queue, count, oldest_s in connection.execute(_QUEUES):
        metrics.QUEUE.labels(queue).set(count)
        metrics.OLDEST_SECONDS.labels(queue).set(max(0.0, oldest_s or 0.0))
    _set(metrics.ASIDE, connection, _ASIDE, of=Kind)
    _set(metrics.DELIVERIES, connection, _DELIVERIES, of=("waiting", "dead"))
    _set(metrics.BUSES, connection, _BUSES, of=("online", "offline"))
    metrics.QUARANTINE.set(fetch_value(connection, _QUARANTINE))
    metrics.TIMERS_LATE.set(fetch_value(connection, _TIMERS_LATE))


def _forget() -> None:
    """What was true before the database went away is not told as true now."""
    for gauge in (metrics.QUEUE, metrics.OLDEST_SECONDS, metrics.ASIDE, metrics.DELIVERIES, metrics.BUSES):
        gauge.clear()
    metrics.QUARANTINE.set(UNKNOWN)
    metrics.TIMERS_LATE.set(UNKNOWN)


def _set(gauge: Gauge, connection: Connection[Any], statement: LiteralString, *, of: Iterable[str]) -> None:
    counts = dict.fromkeys(map(str, of), 0) | dict(connection.execute(statement).fetchall())
    for name, count in counts.items():
        gauge.labels(name).set(count)
