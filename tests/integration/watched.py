"""What a watched process tells: its metrics and its health."""

from collections.abc import Mapping
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from busense.local.processes import free_port

ANSWERED_WITHIN_S = 60.0  # on a machine that is busy
Labels = Mapping[str, str]


class Watched:
    """Asks one process at its telemetry address, on a port that is free."""

    def __init__(self) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._url = f"http://{self.address}"

    @property
    def is_up(self) -> bool:
        try:
            return httpx.get(f"{self._url}/health/live", timeout=ANSWERED_WITHIN_S).is_success
        except httpx.TransportError:
            return False

    @property
    def missing(self) -> dict[str, str]:
        """What it says that it lacks; that agrees with the status of its answer."""
        answer = httpx.get(f"{self._url}/health/ready", timeout=ANSWERED_WITHIN_S)
        said: dict[str, Any] = answer.json()
        assert answer.is_success is (said["missing"] == {})
        return said["missing"]

    @property
    def is_ready(self) -> bool:
        return self.is_up and self.missing == {}

    def value(self, name: str, **labels: str) -> float:
        """Sum of the samples of a name that carry these labels; 0 when there are none."""
        return sum(value for held, value in self.samples(name) if labels.items() <= dict(held).items())

    def samples(self, name: str) -> list[tuple[Labels, float]]:
        text = httpx.get(f"{self._url}/metrics", timeout=ANSWERED_WITHIN_S).text
        return [
            (sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        ]
