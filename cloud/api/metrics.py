"""What the web server counts."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from cloud.metrics import SECONDS

REQUESTS: Final = Counter(
    "busense_api_requests", "Requests by the route's template and the answer's status.", ["method", "route", "status"]
)
REQUEST_SECONDS: Final = Histogram(
    "busense_api_request_seconds",
    "From a request to the begin of its answer.",
    ["method", "route"],
    buckets=SECONDS,
)
LIVE_STREAMS: Final = Gauge("busense_api_live_streams", "Open streams of live changes.")
RECEIVED_BYTES: Final = Counter("busense_api_received_bytes", "Bytes of requests, pictures above all.", ["route"])
