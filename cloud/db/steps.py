"""Working off what waits."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection


def drain(
    connection: Connection[Any], step: Callable[[], int], *, should_stop: Callable[[], bool] = lambda: False
) -> int:
    """Do steps, each in a transaction of its own, until one finds nothing; returns what they found in all.

    The connection is in autocommit.
    """
    count = 0
    while not should_stop():
        with connection.transaction():
            found = step()
        if not found:
            break
        count += found
    return count
