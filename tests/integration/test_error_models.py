"""The shipped model's measured error is in the database: real database."""

from datetime import UTC, datetime

from cloud.db.pool import connect
from cloud.findings.error_models import read_rate_book, register, register_shipped

AT = datetime(2026, 11, 24, tzinfo=UTC)


def test_shipped_model_is_registered_once(database: str) -> None:
    with connect(database) as connection:
        model = register_shipped(connection, at=AT)

        assert model is not None
        assert not register(connection, model, at=AT)
        assert read_rate_book(connection).models == {(model.model.name, model.model.version): model}
