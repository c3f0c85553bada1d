"""Give messages of the quarantine another try: after a device was enrolled, or a newer version reads them."""

from typing import Any, Final

from psycopg import AsyncConnection

from cloud.ingest.handler import Handler
from cloud.ingest.quarantine import Quarantined, find_quarantined, list_waiting, mark_replayed
from cloud.ingest.subscriber import Delivery

_PAGE: Final = 100


async def replay_all(connection: AsyncConnection[Any], handler: Handler) -> tuple[int, int]:
    """Replay everything that waits. Returns how many are stored now, and how many stay."""
    stored = tried = last_id = 0
    while page := await list_waiting(connection, after=last_id, limit=_PAGE):
        for item in page:
            stored += await replay(connection, handler, item)
        tried, last_id = tried + len(page), page[-1].id
    return stored, tried - stored


async def replay_one(connection: AsyncConnection[Any], handler: Handler, quarantine_id: int) -> bool | None:
    """Replay one by its number; none when there is no such number."""
    item = await find_quarantined(connection, quarantine_id)
    return await replay(connection, handler, item) if item is not None else None


async def replay(connection: AsyncConnection[Any], handler: Handler, item: Quarantined) -> bool:
    """Feed a message through the handler again. Returns whether it is stored now; else it waits with its new reason."""
    delivery = Delivery(topic=item.topic, payload=item.payload, received_at=item.received_at)
    outcome = await handler.store([delivery], is_replay=True)
    if outcome.rejected:
        return False
    await mark_replayed(connection, item.id)
    await connection.commit()
    return True
