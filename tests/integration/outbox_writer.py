"""A pipeline that keeps messages as fast as it can and says each number after it is kept: `… PATH`."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.uplink.outbox import Outbox
from wire.messages import Fix, Stored, Track, TrackPoint


def now() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    """Every fiftieth message a receipt lets the older ones go."""
    outbox = Outbox(Path(sys.argv[1]), source="/testcity/bus-1", max_bytes=10_000_000, now=now)
    points = tuple(TrackPoint(at=now(), lon=120.4, lat=27.5, accuracy_m=3, fix=Fix.GNSS) for _ in range(20))
    while True:
        kept = outbox.put(Track(points=points), observed_at=now())
        print(kept.sequence, flush=True)  # noqa: T201 - this is what it is for
        if kept.sequence is not None and kept.stream is not None and kept.sequence % 50 == 0:
            up_to = kept.sequence - 40
            print(f"-{up_to}", flush=True)  # noqa: T201 - from here on it may be gone
            outbox.apply_receipt(Stored(stream=kept.stream, up_to=up_to, missing=()))


if __name__ == "__main__":
    main()
