"""The agent's own publisher, known by its certificate at the real broker: renewed, revoked, and in again."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud.db.pool import connect
from cloud.fleet.enrolment import revoke
from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.publisher import BrokerAddress, Publisher
from telemetry.server import Needs
from tests.integration.test_device_certificates import CITY, NOW, Depot, stored_by
from tests.integration.test_device_certificates import depot as depot  # noqa: PLC0414 - a fixture
from tests.integration.test_edge_uplink import AT, TRACK, running
from tests.waiting import wait_until

WAIT_S = 60.0


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.db", source=f"/{CITY}/bus-1", max_bytes=10_000_000, now=lambda: AT)
    yield box
    box.close()


@contextmanager
def publishing(outbox: Outbox, depot: Depot, certificate: Path, needs: Needs) -> Generator[Publisher]:
    address = BrokerAddress(
        url=depot.broker.mqtt_url.replace("mqtt://", "mqtts://"),
        city=CITY,
        device="bus-1",
        secret="of pictures only",  # noqa: S106
        ca_file=depot.folder / "server.pem",
        certificate_file=certificate,
    )
    with running(Publisher([address], outbox, now=lambda: datetime.now(UTC), needs=needs)) as publisher:
        yield publisher


def test_a_bus_that_was_revoked_keeps_what_it_has_until_it_is_let_in_again(depot: Depot, outbox: Outbox) -> None:
    certificate, needs = depot.certificate("bus-1"), Needs(broker="not connected yet")
    with publishing(outbox, depot, certificate, needs):
        wait_until(lambda: "broker" not in needs.missing(), WAIT_S)
        before = stored_by(depot)
        outbox.put(TRACK, observed_at=AT)
        wait_until(lambda: stored_by(depot) > before, WAIT_S)

        with connect(depot.url) as connection:
            revoke(connection, city=CITY, device="bus-1", at=NOW)
        depot.tell()
        wait_until(lambda: "broker" in needs.missing(), WAIT_S)
        outbox.put(TRACK, observed_at=AT)
        refused = stored_by(depot)

        certificate.write_bytes(depot.certificate("bus-1").read_bytes())  # enrolled again; used from the next try on
        wait_until(lambda: "broker" not in needs.missing(), WAIT_S)
        wait_until(lambda: stored_by(depot) > refused, WAIT_S)
    assert outbox.depth().messages == 2, "the broker has them; only a receipt takes them out"
