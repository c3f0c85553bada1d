"""Give messages of the quarantine another try: after a device was enrolled, by a newer version, or mended by a rule."""

from typing import Any, Final

from psycopg import AsyncConnection

from cloud.ingest.handler import Handler
from cloud.ingest.mending import MendingRule, mend
from cloud.ingest.quarantine import Quarantined, find_quarantined, list_waiting, mark_replayed, mark_staying
from cloud.ingest.subscriber import Delivery

_PAGE: Final = 100


async def replay_all(
    connection: AsyncConnection[Any], handler: Handler, *, rule: MendingRule | None = None
) -> tuple[int, int]:
    """Replay everything that waits, or all that a rule is for. Returns how many are stored now, and how many stay."""
    stored = tried = last_id = 0
    while page := await list_waiting(connection, after=last_id, limit=_PAGE):
        for item in page:
            if rule is None or rule.fits(item.reason, item.topic):
                stored += await replay(connection, handler, item, rule=rule)
                tried += 1
        last_id = page[-1].id
    return stored, tried - stored


async def replay_one(
    connection: AsyncConnection[Any], handler: Handler, quarantine_id: int, *, rule: MendingRule | None = None
) -> bool | None:
    """Replay one by its number; none when there is no such number."""
    item = await find_quarantined(connection, quarantine_id)
    return await replay(connection, handler, item, rule=rule) if item is not None else None


async def replay(
    connection: AsyncConnection[Any], handler: Handler, item: Quarantined, *, rule: MendingRule | None = None
) -> bool:
    """Feed a message through the handler again. Returns whether it is stored now; else it waits with its new reason."""
    payload = mend(item.payload, rule) if rule is not None else item.payload
    delivery = Delivery(topic=item.topic, payload=payload, received_at=item.received_at)
    outcome = await handler.store([delivery], is_replay=True)
    for rejected in outcome.rejected:
        await mark_staying(connection, item.id, reason=rejected.reason, detail=rejected.detail)
    if not outcome.rejected:
        await mark_replayed(connection, item.id, mended_by=rule.name if rule is not None else None)
    await connection.commit()
    return not outcome.rejected
