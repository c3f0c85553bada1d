"""A database that goes away in the middle is one that is not there: who waits for it goes on waiting."""

import psycopg
import pytest

from cloud.db.pool import connect
from cloud.errors import UnavailableError


def ask(url: str, *, ends_before: str) -> None:
    """Two statements and a commit, before one of which the server ends the session."""
    with psycopg.connect(url, autocommit=True) as other, connect(url) as connection:
        for step in ("first", "second", "commit"):
            if step == ends_before:
                other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
            if step != "commit":
                connection.execute("SELECT 1")


def wait_too_long(url: str) -> None:
    with connect(url) as connection:
        connection.execute("SET statement_timeout = 1")
        connection.execute("SELECT pg_sleep(10)")


@pytest.mark.parametrize("step", ["first", "second", "commit"])
def test_a_session_that_is_ended_is_a_database_that_is_away(database: str, step: str) -> None:
    with pytest.raises(UnavailableError, match="went away"):
        ask(database, ends_before=step)


def test_a_statement_that_fails_is_its_own_error(database: str) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled):
        wait_too_long(database)
