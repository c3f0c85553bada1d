"""A database that goes away in the middle is one that is not there: who waits for it goes on waiting."""

import psycopg
import pytest

from cloud.db.pool import connect, open_thread_pool
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


ONE_OF_MANY = "SELECT count(*) FROM numbers WHERE %(n)s::int IS NULL OR n = %(n)s"


def test_a_list_that_is_asked_often_still_goes_by_its_index(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE numbers AS SELECT n FROM generate_series(1, 50000) AS n")
        connection.execute("CREATE INDEX numbers_n_idx ON numbers (n)")
        connection.execute("ANALYZE numbers")
    with open_thread_pool(database, max_size=1) as pool, pool.connection() as connection:
        for _ in range(20):
            connection.execute(ONE_OF_MANY, {"n": 7}, prepare=True)
        plans = connection.execute(
            "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements"
        ).fetchone()
        assert plans == (0, 20)
