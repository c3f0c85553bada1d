"""A bus with a certificate at the real broker, and what a thief of one gets."""

import asyncio
import ipaddress
import os
import signal
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import nats
import paho.mqtt.client as mqtt
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from paho.mqtt.enums import CallbackAPIVersion

from busense.local.broker import BrokerTls, LocalBroker
from cloud.commands.fleet import follow_certificates
from cloud.config import CloudConfig, DatabaseConfig, FleetConfig
from cloud.db.pool import connect
from cloud.errors import FleetError
from cloud.fleet.authority import GOOD_FOR, Authority
from cloud.fleet.broker_users import write_users
from cloud.fleet.devices import enrol as enrol_device
from cloud.fleet.enrolment import admit, good_certificates, make_code, renew, revoke
from edge_agent.config import Cloud
from edge_agent.enrol import draw_key, enrol, expiry_of
from tests.integration.api_server import running_server
from tests.waiting import wait_until

CITY = "testcity"
NOW = datetime.now(UTC)
FLOOD = 3_000
_CSR = "CERTIFICATE REQUEST"
REFUSED = (ssl.SSLError, ConnectionError, OSError)


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def server_certificate(folder: Path) -> None:
    """The broker's own certificate, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(pem_of(key))


@dataclass(kw_only=True)
class Bus:
    """A connection as a bus makes it."""

    client: mqtt.Client
    heard: list[str] = field(default_factory=list[str])
    is_cut: threading.Event = field(default_factory=threading.Event)
    is_in: threading.Event = field(default_factory=threading.Event)
    acknowledged: list[int] = field(default_factory=list[int])

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@dataclass(frozen=True, kw_only=True)
class Depot:
    """The city's database, authority and broker."""

    url: str
    folder: Path
    authority: Authority
    broker: LocalBroker

    def certificate(self, device: str, *, at: datetime = NOW, is_relay: bool = False) -> Path:
        """A file with certificate and key, as a bus keeps it."""
        draft = draw_key(device)
        with connect(self.url) as connection:
            code = make_code(connection, city=CITY, device=device, at=at, is_relay=is_relay)
            admitted = admit(connection, self.authority, code=code, request=draft.request_pem, at=at)
        file = self.folder / f"{device}-{admitted.certificate.serial[:8]}.pem"
        file.write_bytes(admitted.certificate.pem.encode() + draft.key_pem)
        self.tell()
        return file

    def tell(self) -> None:
        """Let the broker know who is good now."""
        with connect(self.url) as connection:
            self.broker.let_in(good_certificates(connection, at=NOW))

    def connect(self, certificate: Path | None, device: str = "bus-1") -> Bus:
        """Connect; TLS refuses at once, the broker by closing."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"busense-{device}", reconnect_on_failure=False)
        bus = Bus(client=client)
        context = ssl.create_default_context(cafile=self.folder / "server.pem")
        if certificate is not None:
            context.load_cert_chain(certificate)
        client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType]
        client.on_connect = lambda _c, _d, _f, code, _p: None if code.is_failure else bus.is_in.set()
        client.on_disconnect = lambda _c, _d, _f, _code, _p: bus.is_cut.set()
        client.on_message = lambda _c, _d, message: bus.heard.append(message.topic)
        client.on_publish = lambda _c, _d, mid, _code, _p: bus.acknowledged.append(mid)
        address = urlsplit(self.broker.mqtt_url)
        client.connect(address.hostname or "", address.port or 0)
        client.loop_start()
        return bus

    def come_in(self, certificate: Path, device: str = "bus-1") -> Bus:
        """Connect as a bus does, again where a broker that is just being told closes the connection."""

        def try_once() -> Bus | None:
            bus = self.connect(certificate, device)
            wait_until(lambda: bus.is_in.is_set() or bus.is_cut.is_set())
            if bus.is_in.is_set():
                return bus
            bus.close()
            return None

        bus = wait_until(try_once, 30)
        assert bus is not None
        return bus

    def is_let_in(self, certificate: Path | None) -> bool:
        """Whether a connection comes about."""
        try:
            bus = self.connect(certificate)
        except REFUSED:
            return False
        wait_until(lambda: bus.is_in.is_set() or bus.is_cut.is_set())
        bus.close()
        return bus.is_in.is_set()


@pytest.fixture
def depot(database: str, tmp_path: Path) -> Iterator[Depot]:
    server_certificate(tmp_path)
    authority = Authority.create(tmp_path / "authority", city=CITY, at=NOW)
    tls = BrokerTls(
        certificate=tmp_path / "server.pem",
        key=tmp_path / "server.key",
        authority=tmp_path / "authority" / "authority.pem",
    )
    broker = LocalBroker(tmp_path / "broker", city=CITY, cloud_password="cloud", device_secrets={}, tls=tls)  # noqa: S106
    broker.start()
    yield Depot(url=database, folder=tmp_path, authority=authority, broker=broker)
    broker.stop()


def publish(bus: Bus, topic: str, payload: bytes = b"{}") -> None:
    bus.client.publish(f"busense/v1/{CITY}/{topic}", payload, qos=1)


def test_a_bus_speaks_and_hears_under_its_own_name_only(depot: Depot) -> None:
    one, two = depot.come_in(depot.certificate("bus-1")), depot.come_in(depot.certificate("bus-2"), "bus-2")
    two.client.subscribe([(f"busense/v1/{CITY}/{topic}", 1) for topic in ("bus-2/command", "bus-2/stored")])
    answers: dict[int, Any] = {}
    two.client.on_subscribe = lambda _c, _d, number, codes, _p: answers.update({number: codes})
    _, asked = two.client.subscribe(f"busense/v1/{CITY}/bus-1/command", qos=1)
    wait_until(lambda: asked in answers)
    assert answers[asked or 0][0].is_failure, "another device's topic is not heard"

    before = stored_by(depot)
    publish(one, "bus-1/health")
    publish(one, "bus-2/health")
    publish(one, "bus-1/track")
    wait_until(lambda: stored_by(depot) - before == 2)
    one.close()
    two.close()


def stored_by(depot: Depot) -> int:
    """Messages in the broker's stream."""

    async def count() -> int:
        client = await nats.connect(depot.broker.nats_url, user="cloud", password="cloud")  # pyright: ignore[reportUnknownMemberType] # noqa: S106
        state = (await client.jetstream().stream_info("$MQTT_msgs")).state  # pyright: ignore[reportUnknownMemberType]
        await client.close()
        return state.last_seq

    return asyncio.run(count())


def test_who_has_no_certificate_or_another_authoritys_is_not_let_in(depot: Depot, tmp_path: Path) -> None:
    own = depot.certificate("bus-1")
    other = Authority.create(tmp_path / "other", city=CITY, at=NOW)
    draft = draw_key("bus-1")
    forged = tmp_path / "forged.pem"
    forged.write_bytes(other.issue(draft.request_pem, city=CITY, device="bus-1", at=NOW).pem.encode() + draft.key_pem)
    depot.come_in(own).close()
    assert not depot.is_let_in(None)
    assert not depot.is_let_in(forged)


def test_a_stolen_certificate_without_its_key_is_worth_nothing(depot: Depot, tmp_path: Path) -> None:
    certificate = depot.certificate("bus-1").read_text().partition("-----BEGIN PRIVATE KEY")[0]
    stolen = tmp_path / "stolen.pem"
    stolen.write_text(certificate + draw_key("bus-1").key_pem.decode())
    with pytest.raises(ssl.SSLError):
        depot.connect(stolen)


def test_an_expired_certificate_is_not_let_in(depot: Depot) -> None:
    expired = depot.certificate("bus-1", at=NOW - GOOD_FOR - timedelta(minutes=1))
    assert not depot.is_let_in(expired)


def test_a_revoked_bus_is_cut_off_while_it_is_connected_and_does_not_come_back(depot: Depot) -> None:
    file = depot.certificate("bus-1")
    bus, other = depot.come_in(file), depot.come_in(depot.certificate("bus-2"), "bus-2")
    with connect(depot.url) as connection:
        assert revoke(connection, city=CITY, device="bus-1", at=NOW) == 1
    depot.tell()
    assert bus.is_cut.wait(10)
    assert not depot.is_let_in(file)
    assert not other.is_cut.is_set(), "nobody else notices"
    bus.close()
    other.close()


def test_the_broker_is_told_as_soon_as_a_bus_is_revoked(depot: Depot) -> None:
    depot.certificate("bus-1")
    users, pid, stop = depot.folder / "devices.conf", depot.folder / "pid", threading.Event()
    pid.write_text(str(depot.broker.pid))
    config = CloudConfig(city=CITY, database=DatabaseConfig(url=depot.url))
    follower = threading.Thread(
        target=follow_certificates, args=(config, stop), kwargs={"users_file": users, "pid_file": pid}
    )
    follower.start()
    try:
        wait_until(lambda: users.exists() and "bus-1.testcity" in users.read_text())
        assert "$CLOUD_PASSWORD" in users.read_text()
        with connect(depot.url) as connection:
            revoke(connection, city=CITY, device="bus-1", at=NOW)
        wait_until(lambda: "bus-1.testcity" not in users.read_text())
    finally:
        stop.set()
        follower.join()


def test_a_broker_that_was_away_is_told_what_was_written_meanwhile(depot: Depot) -> None:
    """Whoever restarted `tell-broker` then left a revoked bus where it was: nothing was to be written any more."""
    depot.certificate("bus-1")
    users, pid, stop, told = depot.folder / "devices.conf", depot.folder / "pid", threading.Event(), threading.Event()
    config = CloudConfig(city=CITY, database=DatabaseConfig(url=depot.url))
    with connect(depot.url) as connection:
        write_users(users, good_certificates(connection, at=NOW))  # and then it ended
    before = signal.signal(signal.SIGHUP, lambda _number, _frame: told.set())
    pid.write_text(str(os.getpid()))
    follower = threading.Thread(
        target=follow_certificates, args=(config, stop), kwargs={"users_file": users, "pid_file": pid}
    )
    follower.start()
    try:
        wait_until(told.is_set)
    finally:
        stop.set()
        follower.join()
        signal.signal(signal.SIGHUP, before)


def test_no_broker_yet_is_no_end_of_telling(depot: Depot) -> None:
    users, stop = depot.folder / "devices.conf", threading.Event()
    config = CloudConfig(city=CITY, database=DatabaseConfig(url=depot.url))
    stopper = threading.Thread(target=lambda: (wait_until(users.exists), stop.set()))
    stopper.start()
    follow_certificates(config, stop, users_file=users, pid_file=depot.folder / "pid")
    stopper.join()


def test_an_over_long_message_costs_its_sender_the_connection_and_nobody_else(depot: Depot) -> None:
    bus, other = depot.come_in(depot.certificate("bus-1")), depot.come_in(depot.certificate("bus-2"), "bus-2")
    publish(bus, "bus-1/health", b"x" * 300_000)
    assert bus.is_cut.wait(10)
    publish(other, "bus-2/health")
    wait_until(lambda: other.acknowledged)
    bus.close()
    other.close()


def test_a_flood_of_one_bus_does_not_keep_another_from_being_heard(depot: Depot) -> None:
    bus, other = depot.come_in(depot.certificate("bus-1")), depot.come_in(depot.certificate("bus-2"), "bus-2")
    for _ in range(FLOOD):
        publish(bus, "bus-1/track", b"x" * 1_000)
    publish(other, "bus-2/health")
    wait_until(lambda: other.acknowledged, 60)
    assert len(bus.acknowledged) < FLOOD, "the flood is still waiting when the other one is served"
    bus.close()
    other.close()


def test_a_code_is_good_once_and_for_a_day(depot: Depot) -> None:
    request = draw_key("bus-1").request_pem
    with connect(depot.url) as connection:
        code = make_code(connection, city=CITY, device="bus-1", at=NOW)
        admit(connection, depot.authority, code=code.lower(), request=request, at=NOW)
        with pytest.raises(FleetError, match="used"):
            admit(connection, depot.authority, code=code, request=request, at=NOW)
        late = make_code(connection, city=CITY, device="bus-1", at=NOW)
        with pytest.raises(FleetError, match="too old"):
            admit(connection, depot.authority, code=late, request=request, at=NOW + timedelta(hours=25))
    with psycopg.connect(depot.url) as connection:
        assert code not in repr(connection.execute("SELECT * FROM device_codes").fetchall())


def test_enrolling_again_ends_the_old_certificate(depot: Depot) -> None:
    old = depot.certificate("bus-1")
    new = depot.certificate("bus-1")
    depot.come_in(new).close()
    assert not depot.is_let_in(old)


def rsa_request() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def odd_request(known: bytes, other: bytes) -> str:
    """One of ours, with bytes in which it is of a kind that nobody knows."""
    content = x509.load_pem_x509_csr(draw_key("bus-1").request_pem.encode()).public_bytes(serialization.Encoding.DER)
    assert known in content
    return ssl.DER_cert_to_PEM_cert(content.replace(known, other, 1)).replace("CERTIFICATE-", "CERTIFICATE REQUEST-")


UNKNOWN_CURVE = odd_request(bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030177"))
UNKNOWN_VERSION = odd_request(bytes.fromhex("020100"), bytes.fromhex("02010a"))


@pytest.mark.parametrize(
    "request_pem",
    ["", "x" * 10_000, "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n", rsa_request(), UNKNOWN_CURVE, UNKNOWN_VERSION],
    ids=["nothing", "too long", "cut off", "RSA", "unknown curve", "unknown version"],
)
def test_what_is_no_request_of_ours_is_not_signed(depot: Depot, request_pem: str) -> None:
    with pytest.raises(FleetError):
        depot.authority.issue(request_pem, city=CITY, device="bus-1", at=NOW)


def test_a_name_in_the_request_does_not_count(depot: Depot) -> None:
    issued = depot.authority.issue(draw_key("bus-9").request_pem, city=CITY, device="bus-1", at=NOW)
    assert issued.name.endswith(".bus-1.testcity.busense")
    assert "bus-9" not in issued.pem


def test_a_revoked_bus_gets_no_new_certificate(depot: Depot) -> None:
    depot.certificate("bus-1")
    request = draw_key("bus-1").request_pem
    with connect(depot.url) as connection:
        assert renew(connection, depot.authority, city=CITY, device="bus-1", request=request, at=NOW)
        revoke(connection, city=CITY, device="bus-1", at=NOW)
        with pytest.raises(FleetError, match="new code"):
            renew(connection, depot.authority, city=CITY, device="bus-1", request=request, at=NOW)
        with pytest.raises(FleetError, match="no device testcity/bus-11"):  # a slip of the pen
            revoke(connection, city=CITY, device="bus-11", at=NOW)


@pytest.mark.parametrize("step", ["enrols", "renews"])
def test_a_bus_that_is_revoked_at_the_instant_of_its_next_certificate_has_none(
    database: str, tmp_path: Path, step: str
) -> None:
    authority, request = Authority.create(tmp_path / "authority", city=CITY, at=NOW), draw_key("bus-1").request_pem
    with connect(database) as connection:
        enrol_device(connection, city=CITY, device="bus-1", secret="s" * 40)
        code = make_code(connection, city=CITY, device="bus-1", at=NOW)
        if step == "renews":
            admit(connection, authority, code=code, request=request, at=NOW)

    def end() -> None:
        with connect(database) as other:
            revoke(other, city=CITY, device="bus-1", at=NOW)

    with connect(database) as connection, ThreadPoolExecutor(max_workers=1) as executor:
        if step == "enrols":
            admit(connection, authority, code=code, request=request, at=NOW)
        else:
            renew(connection, authority, city=CITY, device="bus-1", request=request, at=NOW)
        revoking = executor.submit(end)
        wait_until(lambda: revoking.done() or is_somebody_waiting(database))
        connection.commit()
        revoking.result()
        assert good_certificates(connection, at=NOW) == []


def is_somebody_waiting(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT FROM pg_locks WHERE NOT granted").fetchone() is not None


def test_a_bus_enrols_and_renews_over_the_network(database: str, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "authority", city=CITY, at=NOW)
    certificate, secret = tmp_path / "bus.pem", tmp_path / "secret"
    with connect(database) as connection:
        code = make_code(connection, city=CITY, device="bus-7", at=NOW)
    fleet = FleetConfig(authority=tmp_path / "authority")
    with running_server(database, tmp_path, visitors=False, fleet_config=fleet) as (_, address):
        who = enrol(Cloud(url=address), device="bus-7", code=code, certificate_file=certificate, secret_file=secret)
        assert who == "testcity/bus-7"
        assert certificate.stat().st_mode & 0o777 == secret.stat().st_mode & 0o777 == 0o600
        assert abs(expiry_of(certificate) - datetime.now(UTC) - GOOD_FOR) < timedelta(minutes=5)
        kept = x509.load_pem_x509_certificate(certificate.read_bytes())
        kept.verify_directly_issued_by(authority.certificate)
        renewal = {"request": draw_key("bus-7").request_pem}
        headers = {"X-Busense-Device": "testcity/bus-7", "Authorization": f"Bearer {secret.read_text()}"}
        url = f"{address}/api/v1/devices/renew"
        assert httpx.post(url, json=renewal, headers=headers).status_code == 201
        assert httpx.post(url, json=renewal, headers=headers | {"Authorization": "Bearer x"}).status_code == 403
        assert httpx.post(f"{address}/api/v1/devices/enrol", json={"code": code} | renewal).status_code == 403
