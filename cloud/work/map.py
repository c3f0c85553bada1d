"""The worker's hand for map and summary: findings by cell and tallies are counted right after each change."""

import threading
from typing import Any, Final

from psycopg import Connection

from cloud.db.changes import CHANNEL
from cloud.db.pool import connect
from cloud.db.tallies import add_up_tallies
from cloud.findings.map_cells import count_marked_cells
from cloud.work.hands import keep_at

POLL_S: Final = 0.5


def look_after_map(url: str, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""

    def follow(connection: Connection[Any]) -> None:
        with connect(url, autocommit=True) as listener:
            listener.execute(f"LISTEN {CHANNEL}")
            while not stop.is_set():
                count_marked_cells(connection)
                add_up_tallies(connection)
                for _ in listener.notifies(timeout=POLL_S, stop_after=1):
                    pass

    keep_at("map", follow, url=url, stop=stop)
