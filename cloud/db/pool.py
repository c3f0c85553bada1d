"""Connections to PostgreSQL; the only place that makes them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import InsufficientPrivilege
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from cloud.errors import ConfigError, UnavailableError

Row = tuple[Any, ...]
Pool = AsyncConnectionPool[AsyncConnection[Row]]
ThreadPool = ConnectionPool[Connection[Row]]

CONNECT_TIMEOUT_S: Final = 10
NAME: Final = "busense"
WORKER: Final = "busense-work"
"""Name of the worker's connections: what is done there tells viewers nothing of observations and buses."""

# UTC, so that every aware time that comes out is UTC. Databases lie on disks without heads: with PostgreSQL's own 4 it
# reads all of a table where a few hundred places of an index would do.
_OPTIONS: Final[dict[str, Any]] = {
    "options": "-c timezone=UTC -c random_page_cost=1.1",
    "connect_timeout": CONNECT_TIMEOUT_S,
    "application_name": NAME,
}
# Lists say "this, if it was asked for": planned once for all, such a statement goes by no index.
_PLANNING_ANEW: Final = _OPTIONS | {"options": f"{_OPTIONS['options']} -c plan_cache_mode=force_custom_plan"}


def check_url(url: str) -> None:
    """Check the form of a connection string; the message never repeats it, since it may hold a password.

    Raises:
        ConfigError: PostgreSQL's client library cannot read it.
    """
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ConfigError("database.url: not a PostgreSQL URL such as postgresql://user@host:5432/name") from error


@contextmanager
def connect(url: str, *, autocommit: bool = False, name: str = NAME) -> Generator[Connection[Row]]:
    """Open one connection, for commands that run once and for the worker's hands.

    Args:
        url: of the database.
        autocommit: each statement is a transaction of its own.
        name: by which the database knows the connection.

    Raises:
        ConfigError: the URL cannot be read, or its user may not do what is to be done.
        UnavailableError: there is no database, or it went away meanwhile.
    """
    check_url(url)
    options: dict[str, Any] = _OPTIONS | {"application_name": name}
    try:
        connection = psycopg.connect(url, autocommit=autocommit, **options)
    except psycopg.OperationalError as error:
        raise UnavailableError(f"the database cannot be reached: {_first_line(error)}") from error
    try:
        with connection:
            yield connection
    except InsufficientPrivilege as error:
        raise ConfigError(f"database.url: its user may not do this: {_first_line(error)}") from error
    except psycopg.OperationalError as error:
        if not connection.broken:
            raise
        raise UnavailableError(f"the database went away: {_first_line(error)}") from error


def reach(url: str) -> None:
    """Ask the database for a sign of life.

    Raises:
        UnavailableError: there is none.
    """
    with connect(url) as connection:
        try:
            connection.execute("SELECT 1")
        except psycopg.OperationalError as error:
            raise UnavailableError(f"the database does not answer: {_first_line(error)}") from error


@asynccontextmanager
async def open_pool(
    url: str,
    *,
    max_size: int = 4,
    configure: Callable[[AsyncConnection[Row]], Awaitable[None]] | None = None,
    plans_anew: bool = False,
) -> AsyncGenerator[Pool]:
    """Open a pool. It connects in the background and again after a break; nothing is raised when the database is away.

    Args:
        url: of the database.
        max_size: as many connections at most.
        configure: what is done with a new connection first.
        plans_anew: each statement is planned for the values that it is asked with, however often it comes.

    Raises:
        ConfigError: the URL cannot be read.
    """
    check_url(url)
    pool: Pool = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=max_size,
        kwargs=_PLANNING_ANEW if plans_anew else _OPTIONS,
        configure=configure,
        open=False,
        check=AsyncConnectionPool.check_connection,
        timeout=CONNECT_TIMEOUT_S,
    )
    async with pool:
        yield pool


@contextmanager
def open_thread_pool(url: str, *, max_size: int) -> Generator[ThreadPool]:
    """Open a pool for work in threads; it connects as the other one does, and plans each statement anew.

    Raises:
        ConfigError: the URL cannot be read.
    """
    check_url(url)
    pool: ThreadPool = ConnectionPool(
        url,
        min_size=1,
        max_size=max_size,
        kwargs=_PLANNING_ANEW,
        open=False,
        check=ConnectionPool.check_connection,
        timeout=CONNECT_TIMEOUT_S,
    )
    with pool:
        yield pool


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0]
