"""A sensor that is lost is opened again, less and less often until it gives something."""

import logging
from collections.abc import Callable, Iterator
from typing import Final

from edge_agent.errors import SourceError
from edge_agent.readings import Reading

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 30.0


def reopen_for_ever(
    open_once: Callable[[], Iterator[Reading]], *, source: str, wait: Callable[[float], None]
) -> Iterator[Reading]:
    """Yield what each opening gives until it ends or raises a SourceError; `source` is what the log calls it."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            for reading in open_once():
                wait_s = FIRST_WAIT_S
                yield reading
        except SourceError as error:
            log.warning("source_lost source=%s error=%s", source, error)
        wait(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
