"""The worker's hand for roll-outs: what buses have reported is noted, and the next group begins when it may."""

import threading
from datetime import UTC, datetime
from typing import Final

from cloud.db.pool import WORKER, connect
from cloud.fleet.rollouts import carry_on
from cloud.work.hands import keep_at

LOOK_EVERY_S: Final = 2.0


def look_after_roll_outs(url: str, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""
    keep_at("roll-outs", lambda: _follow(url, stop), url=url, stop=stop)


def _follow(url: str, stop: threading.Event) -> None:
    with connect(url, autocommit=True, name=WORKER) as connection:
        while not stop.is_set():
            if not carry_on(connection, at=datetime.now(UTC)):
                stop.wait(LOOK_EVERY_S)
