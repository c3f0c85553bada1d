"""What more than one part of the cloud counts. No label names a bus, a person or a place: their number is bounded."""

from typing import Final

from prometheus_client import Counter, Histogram

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
UNKNOWN: Final = float("nan")
"""For what cannot be told now; Prometheus compares it with nothing."""

JOBS: Final = Counter("busense_jobs", "Pieces of work by kind and how they ended: done, aside.", ["kind", "outcome"])
JOB_SECONDS: Final = Histogram("busense_job_seconds", "How long a batch of work took.", ["kind"], buckets=SECONDS)
CASE_STEPS: Final = Counter("busense_case_steps", "Steps of cases that this process took.", ["action"])
DELIVERIES: Final = Counter(
    "busense_deliveries",
    "Notices by how a try ended: sent, failed (it is tried again) or dead.",
    ["channel", "outcome"],
)
