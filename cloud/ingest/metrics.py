"""What an ingester counts."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from cloud.metrics import SECONDS
from wire.messages import COUNTED_KINDS

MESSAGES: Final = Counter(
    "busense_ingest_messages",
    "Messages by kind: stored, or there already (duplicate).",
    ["kind", "outcome"],
)
QUARANTINED: Final = Counter("busense_ingest_quarantined", "Messages put into quarantine.", ["reason"])
BATCH_MESSAGES: Final = Histogram(
    "busense_ingest_batch_messages", "Messages of a batch.", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000)
)
BATCH_SECONDS: Final = Histogram(
    "busense_ingest_batch_seconds", "From taking a batch to its commit, waiting for the database too.", buckets=SECONDS
)
DELAY_SECONDS: Final = Histogram(
    "busense_ingest_delay_seconds",
    "From the broker's taking the oldest message of a batch to its commit.",
    buckets=(*SECONDS, 300.0, 3600.0),
)
WAITS: Final = Counter("busense_ingest_waits", "Times that the database could not store a batch.")
OLDEST_SECONDS: Final = Gauge(
    "busense_ingest_oldest_unstored_seconds", "Age of the oldest message that is taken and not stored."
)
BACKLOG: Final = Gauge(
    "busense_ingest_backlog_messages", "Messages that the broker keeps for all ingesters; NaN where it does not tell."
)

for _kind in sorted(COUNTED_KINDS):
    for _outcome in ("stored", "duplicate"):
        MESSAGES.labels(_kind.value, _outcome)
