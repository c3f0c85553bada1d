"""What who watches a bus is told: numbers for Prometheus, and in plain words what it lacks."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from edge_agent.agent import Agent
from telemetry.server import telling
from wire.messages import CameraState, ClockSource, Health, OutboxState, Unusable

_OUTBOX_WORDS: Final = {
    OutboxState.DISK_FULL: "the disk is full: messages are kept in memory",
    OutboxState.DISK_READ_ONLY: "the disk is read-only: messages are kept in memory",
    OutboxState.DISK_FAILING: "the disk fails: messages are kept in memory",
}


class Meter(Collector):
    """Reads the agent when it is asked, so that counting costs it nothing."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    @override
    def collect(self) -> Iterator[Metric]:
        yield from _seen(self._agent)
        yield from _kept(self._agent)
        yield from _state(self._agent.health_now())


@contextmanager
def telling_of(agent: Agent, address: str | None) -> Generator[None]:
    """Tell metrics and health of an agent while the context lasts, if there is an address."""
    if address is None:
        yield
        return
    meter = Meter(agent)
    REGISTRY.register(meter)
    try:
        with telling(address, process="agent", missing=lambda: missing(agent.health_now(), agent.needs.missing())):
            yield
    finally:
        REGISTRY.unregister(meter)


def missing(health: Health, lacks: Mapping[str, str]) -> dict[str, str]:
    """What the bus lacks to do its work."""
    found = dict(lacks)
    if health.models and health.camera is CameraState.MISSING:  # a stop has neither
        found["camera"] = "no frame has come for some seconds"
    if health.clock is ClockSource.NONE:
        found["clock"] = "neither satellites nor the network have told the time yet"
    if health.outbox is not None and health.outbox is not OutboxState.DISK:
        found["outbox"] = _OUTBOX_WORDS[health.outbox]
    return found


def _seen(agent: Agent) -> Iterator[Metric]:
    counters = agent.counters
    for name, words, value in (
        ("frames", "Frames that the scenarios looked at, or refused.", counters.frames),
        ("frames_dropped", "Frames for which there was no time.", counters.frames_dropped),
        ("boxes", "Boxes that the detector drew.", counters.boxes),
        ("observations", "Observations: one for each thing and pass.", counters.observations),
        ("pictures", "Pictures that were blurred and kept.", counters.pictures),
    ):
        yield CounterMetricFamily(f"busense_agent_{name}", words, value=value)
    unusable = CounterMetricFamily("busense_agent_frames_unusable", "Frames refused by the gate.", labels=["reason"])
    for reason in Unusable:
        unusable.add_metric([reason.value], counters.unusable.get(reason, 0))
    yield unusable


def _kept(agent: Agent) -> Iterator[Metric]:
    messages = GaugeMetricFamily("busense_agent_outbox_messages", "Messages the cloud has not stored.", labels=["kind"])
    oldest = GaugeMetricFamily("busense_agent_outbox_oldest_seconds", "Age of the oldest of them.", labels=["kind"])
    for kind, waiting in agent.waiting_by_kind().items():
        messages.add_metric([kind.value], waiting.messages)
        oldest.add_metric([kind.value], waiting.oldest_s)
    yield messages
    yield oldest


def _state(health: Health) -> Iterator[Metric]:
    gauges = {
        "outbox_bytes": ("Bytes of messages and pictures that wait.", health.outbox_bytes),
        "outbox_pictures": ("Pictures that wait.", health.pictures_waiting),
        "outbox_on_disk": ("1 while messages are kept on the disk.", health.outbox is OutboxState.DISK),
        "camera_working": ("1 while usable frames come.", health.camera is CameraState.WORKING),
        "clock_known": ("1 while a source tells the time.", health.clock is not ClockSource.NONE),
        "temperature_celsius": ("Temperature of the processor.", health.temperature_c),
        "disk_free_bytes": ("Free bytes where the outbox lies.", health.disk_free_bytes),
    }
    for name, (words, value) in gauges.items():
        if value is not None:
            yield GaugeMetricFamily(f"busense_agent_{name}", words, value=float(value))
    given_up = CounterMetricFamily("busense_agent_given_up", "Messages that a full outbox gave up.", labels=["kind"])
    for kind, count in (health.given_up_counts or {}).items():
        given_up.add_metric([kind.value], count)
    yield given_up
    yield CounterMetricFamily(
        "busense_agent_pictures_given_up", "Pictures that a full outbox gave up.", value=health.pictures_given_up or 0
    )
    yield CounterMetricFamily(
        "busense_agent_outbox_damaged", "Files of the outbox that were set aside.", value=health.outbox_damaged or 0
    )
