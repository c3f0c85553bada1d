"""Give messages of the quarantine another try: after a device was enrolled, by a newer version, or mended by a rule."""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from cloud.db.upkeep import INSERT, Deed, Note, Thing
from cloud.ingest.handler import Handler
from cloud.ingest.mending import MendingRule, mend
from cloud.ingest.quarantine import Quarantined, find_quarantined, list_waiting, mark_replayed, mark_staying
from cloud.ingest.subscriber import Delivery

_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayer:
    """Somebody who gives messages another try."""

    connection: AsyncConnection[Any]
    handler: Handler
    actor: str

    async def replay_page(
        self, *, after: int, rule: MendingRule | None, reason: str | None = None
    ) -> tuple[int, int, int | None]:
        """Replay a page of what waits: all of it, all that lies there for a reason, or all that a rule is for.

        Returns:
            How many are stored now, how many stay, and after which the next page begins (none: there is no more).
        """
        page = await list_waiting(self.connection, after=after, limit=_PAGE)
        chosen = [item for item in page if reason in {None, item.reason}]
        if rule is not None:
            chosen = [item for item in chosen if rule.fits(item.reason, item.topic)]
        stored = sum([await self.replay(item, rule=rule) for item in chosen])
        return stored, len(chosen) - stored, page[-1].id if len(page) == _PAGE else None

    async def replay_all(self, *, rule: MendingRule | None) -> tuple[int, int]:
        """Replay everything that waits, or all that a rule is for. Returns how many are stored now, how many stay."""
        stored = stay = 0
        after: int | None = 0
        while after is not None:
            now_stored, now_stay, after = await self.replay_page(after=after, rule=rule)
            stored, stay = stored + now_stored, stay + now_stay
        return stored, stay

    async def replay_one(self, quarantine_id: int, *, rule: MendingRule | None) -> bool | None:
        """Replay one by its number; none when there is no such number."""
        item = await find_quarantined(self.connection, quarantine_id)
        return await self.replay(item, rule=rule) if item is not None else None

    async def replay(self, item: Quarantined, *, rule: MendingRule | None) -> bool:
        """Feed a message through the handler again.

        Returns whether it is stored now; else it waits with its new reason.
        """
        payload = mend(item.payload, rule) if rule is not None else item.payload
        delivery = Delivery(topic=item.topic, payload=payload, received_at=item.received_at)
        outcome = await self.handler.store([delivery], is_replay=True)
        for rejected in outcome.rejected:
            await mark_staying(self.connection, item.id, reason=rejected.reason, detail=rejected.detail)
        is_stored = not outcome.rejected
        if is_stored:
            await mark_replayed(self.connection, item.id, mended_by=rule.name if rule is not None else None)
        details = {"is_stored": is_stored, "rule": rule.model_dump(mode="json") if rule is not None else None}
        note = Note(actor=self.actor, thing=Thing.QUARANTINE, number=item.id, action=Deed.REPLAY, details=details)
        await self.connection.execute(INSERT, note.values())
        await self.connection.commit()
        return is_stored
