"""What ingest needs of a broker; JetStream and MQTT both give it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

IDLE_S: Final = 0.25
"""An empty batch comes after this time, so that receipts that are due go out and a stop is noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message as it came; not acknowledged yet."""

    topic: str
    payload: bytes
    received_at: datetime  # when the broker took it; where it does not tell, when it reached us
    token: object = None  # what its subscriber acknowledges it by


class Subscriber(Protocol):
    """Gives batches and takes acknowledgements. What is not acknowledged comes again, to this ingester or another."""

    async def next_batch(self) -> list[Delivery]:
        """Wait for messages: a full batch, or what came in a short time; none when nothing came for `IDLE_S`."""
        ...

    async def acknowledge(self, batch: Sequence[Delivery]) -> None:
        """Tell the broker that these are stored."""
        ...

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send to a device, at most once."""
        ...

    @property
    def is_connected(self) -> bool:
        """Whether the broker is there."""
        ...

    async def backlog(self) -> int | None:
        """How many messages the broker keeps for all ingesters; none where it does not tell."""
        ...
