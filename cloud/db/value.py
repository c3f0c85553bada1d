"""One value instead of a row."""

from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.abc import Params, QueryNoTemplate
from psycopg.rows import scalar_row


def fetch_value(connection: Connection[Any], statement: QueryNoTemplate, values: Params | None = None) -> Any:  # noqa: ANN401 - as in a row
    """Read the first column of the first row; none when there is no row."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(statement, values).fetchone()


async def fetch_value_async(
    connection: AsyncConnection[Any], statement: QueryNoTemplate, values: Params | None = None
) -> Any:  # noqa: ANN401
    """Read the same on the event loop."""
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchone()
