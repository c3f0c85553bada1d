"""What deploy/ ships is valid: each configuration is read by the program it is for."""

import shutil
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion

import cloud.config
import edge_agent.config
from busense.cli import COMMANDS
from busense.local.processes import Program, accepts_connections, free_port
from cloud.fleet.broker_users import device_permissions, stop_permissions
from tests.waiting import wait_until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SECRETS = {"CLOUD_PASSWORD": "cloud-password-of-this-test", "SECRET_BUS_1024": "secret-of-bus-1024"}


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with a throw-away server certificate, which is its own authority."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: skipped the broker configurations, which need a certificate")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "server.key", "-out", "server.pem"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def _moved(name: str, folder: Path, replaced: dict[str, str] | None = None) -> Path:
    """Copy a file of deploy/ with its fixed folders and ports replaced by the test's own."""
    text = (DEPLOY / name).read_text().replace("/etc/busense", str(folder)).replace("/var/lib", str(folder))
    for old, new in (replaced or {}).items():
        text = text.replace(old, new)
    target = folder / name
    target.write_text(text)
    return target


def test_cloud_example_is_valid() -> None:
    config = cloud.config.load_config(DEPLOY / "cloud.example.toml")
    assert config.city == "cangnan"
    assert config.require_broker().url == "tls://broker:4222"


def test_agent_example_is_valid(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret")
    (tmp_path / "ca.pem").write_text("a certificate")
    config = edge_agent.config.load_config(_moved("agent.example.toml", tmp_path))
    assert config.identity.device == "bus-1024"


@pytest.mark.parametrize("name", ["compose.yaml", "county.yaml"])
def test_compose_runs_commands_that_exist_with_pinned_images(name: str) -> None:
    compose = cast("dict[str, Any]", yaml.safe_load((DEPLOY / name).read_text()))
    services = cast("dict[str, dict[str, Any]]", compose["services"])
    ours = {name: service for name, service in services.items() if "build" in service}
    assert {service["command"][0] for service in ours.values()} <= set(COMMANDS)
    assert set(ours) == {"migrate", "ingest", "work", "serve"}
    images = [service["image"] for service in services.values() if "image" in service]
    assert all(":" in image and not image.endswith(":latest") for image in images)


def test_each_node_of_a_county_reads_its_configuration(certificates: Path) -> None:
    (certificates / "ca.pem").write_bytes((certificates / "server.pem").read_bytes())
    _moved("devices.conf", certificates)
    config = _moved("nats-county.conf", certificates)
    compose = yaml.safe_load((DEPLOY / "county.yaml").read_text())
    nodes = [service["environment"]["NODE"] for name, service in compose["services"].items() if "broker" in name]
    assert [f'"nats://{node}:6222"' in config.read_text() for node in nodes] == [True] * 3
    for node in nodes:
        command = [Path(sys.executable).parent / "nats-server", "--config", config, "-t"]
        subprocess.run(command, env=SECRETS | {"NODE": node}, check=True, capture_output=True)


def test_what_must_outlive_a_container_lies_in_a_volume() -> None:
    compose = cast("dict[str, Any]", yaml.safe_load((DEPLOY / "compose.yaml").read_text()))
    volumes = [mount.partition(":")[2] for mount in compose["x-busense"]["volumes"]]
    settings = tomllib.loads((DEPLOY / "cloud.example.toml").read_text())
    for path in (settings["serve"]["vault_file"], settings["pictures"]["url"].removeprefix("file://")):
        assert any(path.startswith(volume) for volume in volumes), path


def test_systemd_unit_starts_the_agent() -> None:
    unit = (DEPLOY / "busense-agent.service").read_text()
    assert "ExecStart=/opt/busense/venv/bin/busense agent --config /etc/busense/agent.toml" in unit
    assert "agent" in COMMANDS


def test_a_stop_has_its_program_and_a_configuration_that_is_read(tmp_path: Path) -> None:
    unit = (DEPLOY / "busense-relay.service").read_text()
    assert "ExecStart=/opt/busense/venv/bin/busense relay --config /etc/busense/relay.toml" in unit
    for file in ("stop.pem", "broker-ca.pem", "stop-ca.pem", "relay.password"):
        (tmp_path / file).touch()
    shutil.copy(DEPLOY / "relay.example.toml", tmp_path)
    config = edge_agent.config.load_relay_config(tmp_path / "relay.example.toml")
    shipped = (DEPLOY / "nats-stop.conf").read_text()
    assert f"user: {config.stop.user}," in shipped
    assert all(
        f'"{subject}"' in shipped
        for subjects in stop_permissions(config.identity.city).values()
        for subject in subjects
    )


@pytest.fixture
def stop_nats(certificates: Path) -> Iterator[Path]:
    """Log of a broker that runs deploy/nats-stop.conf."""
    ports = {address: f"127.0.0.1:{free_port()}" for address in ("127.0.0.1:4222", "0.0.0.0:8883", "127.0.0.1:8222")}
    (certificates / "authority.pem").write_bytes((certificates / "server.pem").read_bytes())
    config = _moved("nats-stop.conf", certificates, ports)
    server = Path(sys.executable).parent / "nats-server"
    program = Program(
        "NATS", [str(server), "--config", str(config)], log=certificates / "log", env={"RELAY_PASSWORD": "of-a-test"}
    )
    program.start()
    program.wait_until(lambda: accepts_connections(int(ports["0.0.0.0:8883"].rpartition(":")[2])), timeout_s=10)
    yield certificates / "log"
    program.stop()


def test_the_shipped_broker_of_a_stop_starts(stop_nats: Path) -> None:
    assert "Server is ready" in stop_nats.read_text()


def test_install_script_is_a_valid_shell_script() -> None:
    subprocess.run(["sh", "-n", DEPLOY / "install-agent.sh"], check=True)


@pytest.fixture
def secured_nats(certificates: Path) -> Iterator[int]:
    """MQTT port of a broker that runs deploy/nats.conf."""
    nats_port, mqtt_port, health_port = free_port(), free_port(), free_port()
    ports = {
        "0.0.0.0:4222": f"127.0.0.1:{nats_port}",
        "0.0.0.0:8883": f"127.0.0.1:{mqtt_port}",
        "127.0.0.1:8222": f"127.0.0.1:{health_port}",
    }
    config = _moved("nats.conf", certificates, ports)
    _moved("devices.conf", certificates)
    server = Path(sys.executable).parent / "nats-server"
    program = Program("NATS", [str(server), "--config", str(config)], log=certificates / "log", env=SECRETS)
    program.start()
    program.wait_until(lambda: accepts_connections(mqtt_port), timeout_s=10)
    assert httpx.get(f"http://127.0.0.1:{health_port}/healthz").json() == {"status": "ok"}  # as compose.yaml asks
    yield mqtt_port
    program.stop()


@pytest.fixture
def secured_mosquitto(certificates: Path) -> Iterator[int]:
    """Port of a Mosquitto that runs deploy/mosquitto.conf."""
    mosquitto, passwords = shutil.which("mosquitto", path="/usr/sbin:/usr/bin"), shutil.which("mosquitto_passwd")
    if mosquitto is None or passwords is None:
        pytest.skip("no Mosquitto: skipped its configuration")
    port = free_port()
    (certificates / "ca.pem").write_bytes((certificates / "server.pem").read_bytes())
    (certificates / "mosquitto").mkdir()
    config = _moved("mosquitto.conf", certificates, {"listener 8883": f"listener {port} 127.0.0.1"})
    with config.open("a") as file:
        file.write("user root\n")
    _moved("mosquitto.acl", certificates)
    for user, secret in (("cloud", SECRETS["CLOUD_PASSWORD"]), ("bus-1024", SECRETS["SECRET_BUS_1024"])):
        create = ["-c"] if user == "cloud" else []
        command = [passwords, *create, "-b", str(certificates / "mosquitto.passwords"), user, secret]
        subprocess.run(command, check=True, capture_output=True)
    program = Program("Mosquitto", [mosquitto, "-c", str(config)], log=certificates / "log")
    program.start()
    program.wait_until(lambda: accepts_connections(port), timeout_s=10)
    yield port
    program.stop()


def _connected(port: int, *, user: str, secret: str, ca: Path) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"test-{user}", clean_session=True)
    client.username_pw_set(user, secret)
    context = ssl.create_default_context(cafile=str(ca))
    client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType] - paho leaves it untyped
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


@pytest.mark.parametrize("broker_fixture", ["secured_nats", "secured_mosquitto"])
def test_shipped_broker_configuration_keeps_a_device_to_its_own_topics(
    broker_fixture: str, certificates: Path, request: pytest.FixtureRequest
) -> None:
    port = cast("int", request.getfixturevalue(broker_fixture))
    ca = certificates / "server.pem"
    heard: list[str] = []
    subscribed: list[int] = []
    listener = _connected(port, user="cloud", secret=SECRETS["CLOUD_PASSWORD"], ca=ca)
    listener.on_message = lambda _client, _data, message: heard.append(message.topic)
    listener.on_subscribe = lambda _client, _data, mid, _codes, _properties: subscribed.append(mid)
    listener.subscribe("busense/v1/cangnan/#", qos=1)
    wait_until(lambda: subscribed)
    device = _connected(port, user="bus-1024", secret=SECRETS["SECRET_BUS_1024"], ca=ca)
    for topic in ("bus-1024/health", "bus-1/health", "bus-1024/track"):
        device.publish(f"busense/v1/cangnan/{topic}", b"{}", qos=1)
    wait_until(lambda: "busense/v1/cangnan/bus-1024/track" in heard)
    device.loop_stop()
    listener.loop_stop()
    assert set(heard) == {"busense/v1/cangnan/bus-1024/health", "busense/v1/cangnan/bus-1024/track"}


def test_shipped_permissions_are_those_of_the_embedded_broker() -> None:
    shipped = (DEPLOY / "devices.conf").read_text()
    permissions = device_permissions(city="cangnan", device="bus-1024")
    assert all(f'"{subject}"' in shipped for subjects in permissions.values() for subject in subjects)


def test_production_logs_json_lines() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert compose["x-busense"]["environment"]["BUSENSE_LOGS"] == "json"
    for unit in ("busense-agent.service", "busense-relay.service", "busense@.service"):
        assert "Environment=BUSENSE_LOGS=json" in (DEPLOY / unit).read_text().splitlines()
