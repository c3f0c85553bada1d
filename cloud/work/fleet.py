"""The worker's hand for roll-outs: what buses have reported is noted, and the next group begins when it may."""

import threading
from typing import Any, Final

from psycopg import Connection

from cloud.fleet.rollouts import carry_on
from cloud.work.hands import keep_at, utc_now

LOOK_EVERY_S: Final = 2.0


def look_after_roll_outs(url: str, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""

    def follow(connection: Connection[Any]) -> None:
        while not stop.is_set():
            if not carry_on(connection, at=utc_now()):
                stop.wait(LOOK_EVERY_S)

    keep_at("roll-outs", follow, url=url, stop=stop)
