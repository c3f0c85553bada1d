"""Messages as a device's outbox numbers them, made from the golden ones."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cloud.ingest.subscriber import Delivery
from wire.envelope import make_id
from wire.messages import COUNTED_KINDS, Kind
from wire.topics import Topic

GOLDEN = Path(__file__).parents[3] / "golden" / "wire"
AT = datetime(2026, 11, 24, 8, 30, 15, tzinfo=UTC)
CITY = "testcity"


def golden_data(kind: Kind) -> dict[str, Any]:
    return dict(json.loads((GOLDEN / f"{kind.value}.v1.json").read_bytes())["data"])


@dataclass(kw_only=True)
class Outbox:
    """One device's stream; each message gets the next number."""

    device: str = "bus-1"
    city: str = CITY
    at: datetime = AT
    stream: str = field(default_factory=lambda: make_id(AT))
    sequence: int = 0

    def message(self, kind: Kind = Kind.DETECTION, **changes: object) -> Delivery:
        """Make a message; `changes` go into its data."""
        return self.envelope(kind, {}, **changes)

    def envelope(self, kind: Kind, envelope: dict[str, object], **changes: object) -> Delivery:
        """Make a message and change its envelope too."""
        self.at += timedelta(milliseconds=10)
        document: dict[str, object] = {
            "specversion": "1.0",
            "id": make_id(self.at),
            "source": f"/{self.city}/{self.device}",
            "type": f"busense.{kind.value}.v1",
            "time": self.at.isoformat(),
            "data": golden_data(kind) | self._times(kind) | changes,
        }
        if kind in COUNTED_KINDS:
            self.sequence += 1
            document |= {"stream": self.stream, "sequence": self.sequence}
        return self.delivery(kind, json.dumps(document | envelope).encode())

    def delivery(self, kind: Kind, payload: bytes) -> Delivery:
        topic = Topic(city=self.city, device=self.device, kind=kind)
        return Delivery(topic=str(topic), payload=payload, received_at=self.at)

    def _times(self, kind: Kind) -> dict[str, object]:
        at = self.at.isoformat()
        match kind:
            case Kind.DETECTION:
                return {"observed_at": at, "first_seen_at": at, "last_seen_at": at}
            case Kind.COVERAGE | Kind.DRIVING:
                return {"from_at": at, "to_at": at}
            case Kind.TRACK:
                return {"points": [point | {"at": at} for point in golden_data(kind)["points"]]}
            case Kind.STATE:
                return {"since": at}
            case _:
                return {}
