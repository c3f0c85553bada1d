import pytest

from cloud.db.migrate import Applied, Migration, plan, read_migrations
from cloud.errors import MigrationError


def migration(number: int, sql: str = "SELECT 1") -> Migration:
    return Migration(number=number, name=f"{number:04d}_step.sql", sql=sql)


def applied(number: int, sql: str = "SELECT 1") -> Applied:
    return Applied(number=number, name=f"{number:04d}_step.sql", sha256=migration(number, sql).sha256)


def test_shipped_migrations_begin_with_1_and_stand_in_order() -> None:
    numbers = [migration.number for migration in read_migrations()]
    assert numbers[0] == 1
    assert numbers == sorted(set(numbers))


def test_only_what_is_missing_is_applied() -> None:
    pending = plan([migration(1), migration(2), migration(5)], [applied(1), applied(2)])
    assert [step.number for step in pending] == [5]


@pytest.mark.parametrize(
    ("steps", "history", "message"),
    [
        pytest.param([migration(1, "SELECT 2")], [applied(1)], "was changed", id="changed"),
        pytest.param([migration(1)], [applied(1), applied(2)], "does not know", id="newer database"),
        pytest.param(
            [migration(1), migration(2), migration(3)], [applied(1), applied(3)], "after that", id="in between"
        ),
        pytest.param([migration(1), migration(1)], [], "0001 stand twice", id="number twice"),
    ],
)
def test_history_that_does_not_fit_is_refused(steps: list[Migration], history: list[Applied], message: str) -> None:
    with pytest.raises(MigrationError, match=message):
        plan(steps, history)
