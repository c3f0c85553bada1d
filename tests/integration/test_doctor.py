"""`busense doctor` finds what is wrong and names it in plain words."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg.conninfo import make_conninfo
from typing_extensions import override

from busense.doctor import doctor
from cloud.commands.retention import retention
from telemetry.server import Needs, telling
from tests.conftest import RunningBroker

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def _config(folder: Path, *, database: str, broker: RunningBroker, password: str, scheme: str = "nats") -> Path:
    (folder / "password").write_text(password)
    kind, url = ("jetstream", broker.nats_url) if scheme == "nats" else ("mqtt", broker.mqtt_url)
    lines = ['city = "testcity"', "[database]", f"url = {json.dumps(database)}"]
    lines += [
        "[broker]",
        f'kind = "{kind}"',
        f'url = "{url}"',
        'user = "cloud"',
        f'password_file = "{folder}/password"',
    ]
    lines += ["[pictures]", f'url = "file://{folder}/pictures"']
    path = folder / "cloud.toml"
    path.write_text("\n".join(lines))
    return path


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(doctor, [str(argument) for argument in arguments])


def _line(result: Result, name: str) -> str:
    return next(line for line in result.output.splitlines() if line[7:].startswith(name))


@pytest.mark.parametrize("scheme", ["nats", "mqtt"])
def test_doctor_is_content_with_a_working_cloud(
    tmp_path: Path, database: str, broker: RunningBroker, scheme: str
) -> None:
    config = _config(tmp_path, database=database, broker=broker, password=broker.cloud_password, scheme=scheme)
    result = _run("--config", config)
    for name in ("configuration", "database", "broker", "pictures", "catalogue"):
        assert _line(result, name).startswith("ok"), result.output


@pytest.mark.parametrize("scheme", ["nats", "mqtt"])
def test_doctor_names_a_broker_that_refuses_us(
    tmp_path: Path, database: str, broker: RunningBroker, scheme: str
) -> None:
    config = _config(tmp_path, database=database, broker=broker, password="guessed", scheme=scheme)  # noqa: S106
    result = _run("--config", config)
    assert result.exit_code == 1
    assert "does not let user 'cloud' in" in _line(result, "broker")
    assert "guessed" not in result.output
    assert "broker" in result.output.splitlines()[-1]


def test_doctor_names_a_database_that_is_not_migrated(
    tmp_path: Path, empty_database: str, broker: RunningBroker
) -> None:
    config = _config(tmp_path, database=empty_database, broker=broker, password=broker.cloud_password)
    assert "busense migrate" in _line(_run("--config", config), "database")


def test_doctor_names_a_user_who_may_not_read_the_database(
    tmp_path: Path, database: str, broker: RunningBroker
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE ROLE outsider LOGIN PASSWORD 'outside'")
    try:
        url = make_conninfo(database, user="outsider", password="outside")  # noqa: S106
        config = _config(tmp_path, database=url, broker=broker, password=broker.cloud_password)
        assert "permission denied for table" in _line(_run("--config", config), "database")
    finally:
        with psycopg.connect(database) as connection:
            connection.execute("DROP ROLE outsider")


def test_doctor_names_a_missing_database_and_keeps_its_password(tmp_path: Path, broker: RunningBroker) -> None:
    nowhere = "postgresql://busense:top-secret@127.0.0.1:1/busense"
    result = _run("--config", _config(tmp_path, database=nowhere, broker=broker, password=broker.cloud_password))
    assert _line(result, "database").startswith("WRONG")
    assert "top-secret" not in result.output


def test_doctor_stops_at_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "cloud.toml").write_text("city = 'Not A Slug'")
    result = _run("--config", tmp_path / "cloud.toml")
    assert result.exit_code == 1
    assert "city" in _line(result, "configuration")


def test_doctor_looks_at_a_bus(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret of this bus")
    (tmp_path / "ca.pem").write_text("a certificate")
    text = (DEPLOY / "agent.example.toml").read_text().replace("/etc/busense", str(tmp_path))
    (tmp_path / "agent.toml").write_text(text.replace("/dev/", "/dev/no-such-"))
    result = _run("--agent", tmp_path / "agent.toml")
    for name in ("configuration", "secret", "model", "faces", "no pictures"):
        assert _line(result, name).startswith("ok"), result.output
    assert "plugged in?" in _line(result, "camera")
    assert result.exit_code == 1


def test_doctor_names_what_would_stop_the_agent(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret of this bus")
    (tmp_path / "ca.pem").write_text("a certificate")
    (tmp_path / "no-pictures.geojson").write_text('{"type": "Point", "coordinates": [120, 27]}')
    for name in ("manifest.toml", "model.onnx"):
        shutil.copy(DEPLOY.parent / "models" / "road_damage" / name, tmp_path)
    text = (DEPLOY / "agent.example.toml").read_text().replace("/etc/busense", str(tmp_path))
    text = text.replace("[model]", f'[model]\nmanifest = "{tmp_path}/manifest.toml"').replace("# no_pic", "no_pic")
    (tmp_path / "agent.toml").write_text(text)
    result = _run("--agent", tmp_path / "agent.toml")
    assert "second_look.onnx cannot be read" in _line(result, "model")
    assert "a geometry is of type Point" in _line(result, "no pictures")


def test_doctor_asks_for_the_purge_of_today(tmp_path: Path, database: str, broker: RunningBroker) -> None:
    config = _config(tmp_path, database=database, broker=broker, password=broker.cloud_password)
    assert _line(_run("--config", config, "--production"), "retention").startswith("WRONG")
    CliRunner().invoke(retention, ["run", "--config", str(config)])
    assert _line(_run("--config", config, "--production"), "retention").startswith("ok")


class OtherProgram(BaseHTTPRequestHandler):
    """What listens where a process of ours was expected."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b'{"detail": "Not Found"}')

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_doctor_says_when_another_program_answers_or_the_address_is_none() -> None:
    with HTTPServer(("127.0.0.1", 0), OtherProgram) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        asked = _run("--ask", f"127.0.0.1:{server.server_port}")
        thread.join()
    assert "another program than the process" in _line(asked, "process")
    assert "no address" in _line(_run("--ask", "work"), "process")


def test_doctor_asks_running_processes_what_they_lack(tmp_path: Path, database: str, broker: RunningBroker) -> None:
    config = _config(tmp_path, database=database, broker=broker, password=broker.cloud_password)
    needs = Needs(database="the database does not answer")
    with (
        telling("127.0.0.1:0", process="ingest", missing=needs.missing) as lacking,
        telling("127.0.0.1:0", process="work", missing=dict) as ready,
    ):
        assert lacking is not None
        assert ready is not None
        addresses = f'ingest = "{lacking.removeprefix("http://")}"\nwork = "{ready.removeprefix("http://")}"'
        config.write_text(f'{config.read_text()}\n[telemetry]\n{addresses}\nserve = "127.0.0.1:9"')
        result = _run("--config", config)
        assert result.exit_code == 1
        assert "WRONG" in _line(result, "ingest")
        assert "the database does not answer" in _line(result, "ingest")
        assert "is ready" in _line(result, "work")
        assert "is `busense serve` running?" in _line(result, "serve")
        assert _run("--ask", ready.removeprefix("http://")).exit_code == 0
        assert _run("--ask", lacking.removeprefix("http://")).exit_code == 1
