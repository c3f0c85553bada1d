"""The worker's hand for map and summary: findings by cell and tallies are counted right after each change."""

import threading
from typing import Final

from cloud.db.changes import CHANNEL
from cloud.db.pool import WORKER, connect
from cloud.db.tallies import add_up_tallies
from cloud.findings.map_cells import count_marked_cells
from cloud.work.hands import keep_at

POLL_S: Final = 0.5


def look_after_map(url: str, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""
    keep_at("map", lambda: _follow(url, stop), url=url, stop=stop)


def _follow(url: str, stop: threading.Event) -> None:
    with connect(url, autocommit=True) as listener, connect(url, autocommit=True, name=WORKER) as connection:
        listener.execute(f"LISTEN {CHANNEL}")
        while not stop.is_set():
            count_marked_cells(connection)
            add_up_tallies(connection)
            for _ in listener.notifies(timeout=POLL_S, stop_after=1):
                pass
