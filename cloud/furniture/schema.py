"""The inventory's schema has the fusion's tables a second time: within it, the same statements mean the inventory."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from psycopg import Connection

from cloud.db.value import fetch_value

_NOW: Final = "SELECT current_setting('search_path')"
_MEAN: Final = "SELECT set_config('search_path', %s, true)"
_MEAN_THROUGHOUT: Final = "SELECT set_config('search_path', %s, false)"
_INVENTORY: Final = "inventory, public"


@contextmanager
def meaning_inventory(connection: Connection[Any]) -> Generator[None]:
    """Let findings mean things of the inventory, within the caller's transaction."""
    before = fetch_value(connection, _NOW)
    connection.execute(_MEAN, (_INVENTORY,))
    yield
    connection.execute(_MEAN, (before,))  # a transaction that fails forgets it by itself


@contextmanager
def meaning_inventory_throughout(connection: Connection[Any]) -> Generator[None]:
    """The same of all transactions of a connection in autocommit."""
    before = fetch_value(connection, _NOW)
    connection.execute(_MEAN_THROUGHOUT, (_INVENTORY,))
    try:
        yield
    finally:
        connection.execute(_MEAN_THROUGHOUT, (before,))
