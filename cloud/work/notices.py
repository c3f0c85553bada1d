"""The notifier's own thread: a receiver that answers slowly holds up nothing else."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from cloud.cases.handling import Handling
from cloud.notify import repository
from cloud.notify.notifier import Notifier
from cloud.notify.targets import Targets
from cloud.work.hands import keep_at, utc_now

POLL_S: Final = 1.0
TRIM_EVERY: Final = timedelta(hours=1)


def look_after_notices(url: str, targets: Targets, handling: Handling, stop: threading.Event) -> None:
    """Tell people until `stop` is set, and set it when something is wrong; a database that is away is waited for."""

    def tell(connection: Connection[Any]) -> None:
        notifier = Notifier(connection=connection, targets=targets, handling=handling, now=utc_now)
        trimmed_at = datetime.min.replace(tzinfo=UTC)
        while not stop.is_set():
            notifier.run()
            if utc_now() - trimmed_at > TRIM_EVERY:
                trimmed_at = utc_now()
                repository.trim(connection, at=trimmed_at)
            stop.wait(POLL_S)

    keep_at("notices", tell, url=url, stop=stop)
