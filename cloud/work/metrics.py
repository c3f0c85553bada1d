"""What a worker tells of what waits in the database; each worker tells the same."""

from typing import Final

from prometheus_client import Gauge

QUEUE: Final = Gauge("busense_queue", "What waits for a worker.", ["queue"])
OLDEST_SECONDS: Final = Gauge("busense_queue_oldest_seconds", "How long the oldest of it waits.", ["queue"])
ASIDE: Final = Gauge("busense_aside", "Work that failed and waits for a person.", ["kind"])
QUARANTINE: Final = Gauge("busense_quarantine_messages", "Messages that wait in quarantine.")
TIMERS_LATE: Final = Gauge("busense_timers_late", "Timers of cases that should have rung a minute ago.")
DELIVERIES: Final = Gauge("busense_deliveries_kept", "Notices that wait, and those that are dead.", ["state"])
BUSES: Final = Gauge("busense_buses", "Buses that are let in, by whether they are connected.", ["presence"])
