"""The notifier's own thread: a receiver that answers slowly holds up nothing else."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Final

from cloud.cases.handling import Handling
from cloud.db.pool import WORKER, connect
from cloud.notify import repository
from cloud.notify.notifier import Notifier
from cloud.notify.targets import Targets
from cloud.work.hands import keep_at

POLL_S: Final = 1.0
TRIM_EVERY: Final = timedelta(hours=1)


def look_after_notices(url: str, targets: Targets, handling: Handling, stop: threading.Event) -> None:
    """Tell people until `stop` is set, and set it when something is wrong; a database that is away is waited for."""

    def tell() -> None:
        with connect(url, autocommit=True, name=WORKER) as connection:
            _follow(Notifier(connection=connection, targets=targets, handling=handling, now=_utc_now), stop)

    keep_at("notices", tell, url=url, stop=stop)


def _follow(notifier: Notifier, stop: threading.Event) -> None:
    trimmed_at = datetime.min.replace(tzinfo=UTC)
    while not stop.is_set():
        notifier.run()
        if _utc_now() - trimmed_at > TRIM_EVERY:
            trimmed_at = _utc_now()
            repository.trim(notifier.connection, at=trimmed_at)
        stop.wait(POLL_S)


def _utc_now() -> datetime:
    return datetime.now(UTC)
