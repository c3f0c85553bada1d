from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest

from cloud.db.migrate import migrate, read_migrations
from cloud.errors import ConfigError, MigrationError, UnavailableError

INSERT_POINT = """
INSERT INTO track_points (id, id_at, city, device, stream, sequence, received_at, number, at, lon, lat, accuracy_m, fix)
VALUES (gen_random_uuid(), %s, 'c', 'd', gen_random_uuid(), 1, now(), 0, now(), 0, 0, 1, 'gnss')
"""


def names() -> list[str]:
    return [migration.name for migration in read_migrations()]


def test_second_time_changes_nothing(empty_database: str) -> None:
    assert migrate(empty_database) == names()
    assert migrate(empty_database) == []


def test_several_processes_apply_each_migration_once(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(migrate, [empty_database] * 4))
    assert sorted(name for result in results for name in result) == names()


def test_changed_history_is_refused(empty_database: str) -> None:
    migrate(empty_database)
    with psycopg.connect(empty_database) as connection:
        connection.execute("UPDATE schema_migrations SET sha256 = 'other' WHERE number = 1")
    with pytest.raises(MigrationError, match="0001"):
        migrate(empty_database)


def test_database_that_is_away_is_said_without_its_password() -> None:
    with pytest.raises(UnavailableError) as caught:
        migrate("postgresql://busense:hunter2@127.0.0.1:9/none")
    assert "hunter2" not in str(caught.value)


def test_url_that_is_none_is_said_without_repeating_it() -> None:
    with pytest.raises(ConfigError, match="URL") as caught:
        migrate("hunter2 is no url")
    assert "hunter2" not in str(caught.value)


def test_default_partition_takes_what_no_month_takes(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(INSERT_POINT, (datetime(1999, 1, 1, tzinfo=UTC),))
        connection.execute(INSERT_POINT, (datetime.now(UTC),))
        rows = connection.execute("SELECT count(*) FROM ONLY track_points_default").fetchone()
    assert rows == (1,)


def test_new_month_takes_over_the_rows_of_the_default_partition(database: str) -> None:
    later = datetime(2044, 2, 15, tzinfo=UTC)
    with psycopg.connect(database) as connection:
        connection.execute(INSERT_POINT, (later,))
        made = connection.execute("SELECT ensure_time_partitions(%s)", (later,)).fetchone()
        again = connection.execute("SELECT ensure_time_partitions(%s)", (later,)).fetchone()
        left = connection.execute("SELECT count(*) FROM ONLY track_points_default").fetchone()
        moved = connection.execute("SELECT count(*) FROM ONLY track_points_2044_02").fetchone()
    assert (made, again, left, moved) == ((5 * 7,), (0,), (0,), (1,))


def test_row_that_is_there_already_is_refused_in_every_partition(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(INSERT_POINT, (datetime(1999, 1, 1, tzinfo=UTC),))
        copied = connection.execute("INSERT INTO track_points SELECT * FROM track_points ON CONFLICT DO NOTHING")
    assert copied.rowcount == 0
