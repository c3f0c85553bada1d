"""What a bus lacks is said in plain words."""

from dataclasses import replace

import pytest

from edge_agent.meter import missing
from tests.unit.wire.samples import sample_payload
from wire.codec import decode_envelope
from wire.messages import CameraState, ClockSource, Health, Kind, OutboxState


def health(
    *,
    camera: CameraState = CameraState.WORKING,
    clock: ClockSource = ClockSource.GNSS,
    outbox: OutboxState = OutboxState.DISK,
) -> Health:
    found = decode_envelope(sample_payload(Kind.HEALTH)).data
    assert isinstance(found, Health)
    return replace(found, camera=camera, clock=clock, outbox=outbox)


def test_bus_that_works_lacks_nothing() -> None:
    assert missing(health(), {}) == {}


def test_picture_that_cannot_be_used_is_night_and_no_fault() -> None:
    assert missing(health(camera=CameraState.UNUSABLE), {}) == {}


@pytest.mark.parametrize(
    ("bus", "name", "words"),
    [
        (health(camera=CameraState.MISSING), "camera", "no frame"),
        (health(clock=ClockSource.NONE), "clock", "the time"),
        (health(outbox=OutboxState.DISK_FULL), "outbox", "the disk is full"),
        (health(outbox=OutboxState.DISK_READ_ONLY), "outbox", "read-only"),
        (health(outbox=OutboxState.DISK_FAILING), "outbox", "the disk fails"),
    ],
    ids=["camera", "clock", "full", "read_only", "failing"],
)
def test_what_is_missing_is_named(bus: Health, name: str, words: str) -> None:
    found = missing(bus, {})
    assert found.keys() == {name}
    assert words in found[name]


def test_what_the_uplink_lacks_is_told_too() -> None:
    assert missing(health(), {"broker": "it refuses us"}) == {"broker": "it refuses us"}
