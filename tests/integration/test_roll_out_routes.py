# ruff: noqa: ANN401 - JSON is of any type
"""Releases by the command line, roll-outs and buses over HTTP."""

import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import cv2
import httpx
import minisign
import numpy as np
import pytest
from click.testing import CliRunner

from busense.cli import busense
from cloud.api.routes.device_packages import PART_BYTES
from cloud.db.pool import connect
from cloud.fleet.answers import MAX_BYTES
from cloud.fleet.enrolment import revoke
from cloud.fleet.releases import add_release
from cloud.fleet.rollouts import carry_on
from cloud.people.accounts import Wish
from cloud.people.model import Role
from edge_agent.updates.packages import Packages
from edge_agent.uplink.cloud import CloudAddress
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people, browser_at, sign_in
from tests.integration.ingest_database import SECRET, enrol_devices, query
from tests.unit.cloud.ingest.messages import AT, CITY
from wire.package import MANIFEST, About, PackageKind, read_package, write_package

TELL: Final = "UPDATE device_commands SET told_at = now() WHERE kind = %s AND told_at IS NULL RETURNING id"
AN_HOUR_AGO: Final = """
UPDATE device_commands SET asked_at = asked_at - interval '61 min' WHERE id = %s RETURNING id
"""
PASSWORD = "correct horse"  # noqa: S105 - of tests only


@pytest.fixture
def address(database: str, tmp_path: Path) -> Iterator[str]:
    add_people(database, Wish(name="li", role=Role.FLEET), Wish(name="wang", role=Role.FLEET))
    enrol_devices(database, [f"bus-{number}" for number in range(1, 5)])
    with running_server(database, tmp_path) as (_, found):
        yield found


@contextmanager
def person(address: str, name: str) -> Generator[httpx.Client]:
    with browser_at(address) as client:
        assert sign_in(client, name).status_code == 201
        yield client


def answer(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def command(*arguments: object, **environment: str) -> str:
    env = {"BUSENSE_RELEASE_PASSWORD": PASSWORD, **environment}
    result = CliRunner().invoke(busense, ["release", *map(str, arguments)], env=env, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def released(database: str, folder: Path) -> tuple[str, bytes]:
    """Make a key, a package and its signature, and give it to the cloud, all by the command line."""
    key, package, settings = folder / "release.key", folder / "winter.zip", folder / "winter.toml"
    settings.write_text("[health]\nevery_s = 30\n")
    public = command("key", key)
    command("settings", settings, "--name", "winter", "--version", "1", "--out", package)
    command("sign", package, "--key", key)
    config = folder / "cloud.toml"
    config.write_text(f'city = "{CITY}"\n[database]\nurl = "{database}"\n[fleet]\nrelease_keys = ["{public}"]\n')
    said = command("add", package, "--config", config)
    content = package.read_bytes()
    signature = package.with_name("winter.zip.minisig").read_text()
    assert read_package(content, signature=signature, keys=[public]).about.name == "winter"
    return said.removeprefix("release "), content


def test_a_roll_out_from_the_signing_to_the_first_group(address: str, database: str, tmp_path: Path) -> None:
    sha256, _ = released(database, tmp_path)
    with person(address, "li") as li, person(address, "wang") as wang:
        items = answer(li.get("/releases"))["items"]
        assert [(item["sha256"], item["name"], item["version"]) for item in items] == [(sha256, "winter", "1")]
        wanted = {"release": sha256, "shares": [0.25], "watch_minutes": 0}
        number = answer(li.post("/roll-outs", json=wanted), 201)["id"]
        assert "another person" in answer(li.post(f"/roll-outs/{number}/approve", json={}), 409)["detail"]
        answer(wang.post(f"/roll-outs/{number}/approve", json={"reason": "tried on the bench"}))
        with connect(database, autocommit=True) as connection:
            carry_on(connection, at=datetime.now(UTC))
        page = answer(li.get(f"/roll-outs/{number}"))
        assert [(group["buses"], group["told"]) for group in page["groups"]] == [(1, 1), (3, 0)]
        assert page["deeds"] == ["pause", "stop"]
        assert [line["action"] for line in page["log"]] == ["begin_group", "approve", "propose"]
        first = page["devices"][0]
        assert (first["state"], first["group"]) == ("told", 1)
        bus = answer(li.get(f"/buses/{first['device']}"))
        assert bus["twin"]["wanted"] == {"package.settings": sha256}
        assert (bus["twin"]["wanted_version"], bus["twin"]["reported_version"]) == (1, 0)
        listed = answer(wang.get("/roll-outs"))["items"]
        assert [(item["state"], item["buses"], item["told"]) for item in listed] == [("running", 4, 1)]


def test_a_bus_fetches_a_package_from_where_it_was_cut_off(address: str, database: str, tmp_path: Path) -> None:
    sha256, content = released(database, tmp_path)
    mine = {"X-Busense-Device": f"{CITY}/bus-1", "Authorization": f"Bearer {SECRET}"}
    url = f"{address}/api/v1/devices/packages/{sha256}"
    whole = httpx.get(url, headers=mine)
    assert (whole.status_code, whole.content) == (206, content)
    rest = httpx.get(url, headers=mine | {"Range": "bytes=100-"})
    assert rest.content == content[100:]
    assert rest.headers["Content-Range"] == f"bytes 100-{len(content) - 1}/{len(content)}"
    assert httpx.get(url, headers=mine | {"Range": "bytes=5-9"}).content == content[5:10]
    for beyond in (len(content), 2**31, 10**12 - 1):
        assert httpx.get(url, headers=mine | {"Range": f"bytes={beyond}-"}).status_code == 416
    assert "untrusted comment" in httpx.get(f"{url}/signature", headers=mine).text
    assert httpx.get(f"{url[:-64]}{'0' * 64}", headers=mine).status_code == 404
    assert httpx.get(url, headers=mine | {"Authorization": "Bearer no"}).status_code == 403
    assert httpx.get(f"{url}/signature").status_code == 403


def test_a_bus_fetches_a_large_package_part_by_part(address: str, database: str, tmp_path: Path) -> None:
    pair = minisign.KeyPair.generate()
    weights = np.random.default_rng(1).bytes(2 * PART_BYTES + 12_345)  # zip cannot make them smaller
    about = About(kind=PackageKind.MODEL, name="road_damage", version="9")
    content, key = write_package(about, {MANIFEST: b"", "model.onnx": weights}), pair.public_key.to_base64().decode()
    signature = bytes(pair.secret_key.sign(content)).decode()
    with connect(database) as connection:
        sha256 = add_release(connection, content, signature=signature, keys=[key], actor="li", at=datetime.now(UTC))
    cloud = CloudAddress(url=address, city=CITY, device="bus-1", secret=SECRET)
    packages = Packages(tmp_path / "packages", cloud, wait=lambda _: None)
    package = packages.take(sha256, kind=PackageKind.MODEL, keys=[key], is_wanted=lambda: True)
    assert package is not None
    assert package.files["model.onnx"] == weights


def test_the_pose_is_wished_and_a_command_is_asked(address: str, database: str) -> None:
    with person(address, "li") as li:
        assert answer(li.put("/buses/bus-1/pose", json={"pitch_deg": 9.5, "height_m": 2.4})) == {"version": 1}
        answer(li.put("/buses/bus-1/pose", json={"pitch_deg": 90}), 422)
        answer(li.put("/buses/bus-9/pose", json={"pitch_deg": 9.5}), 404)
        answer(li.post("/buses/bus-1/commands", json={"kind": "restart"}), 202)
        answer(li.post("/buses/bus-9/commands", json={"kind": "restart"}), 404)
        answer(li.post("/buses/bus-1/commands", json={"kind": "inspect_place"}), 422)  # no bus knows how
        page = answer(li.get("/buses/bus-1"))
        assert page["twin"]["wanted"] == {"camera.pitch_deg": 9.5, "camera.height_m": 2.4}
        assert [line["action"] for line in page["log"]] == ["restart", "wish"]
        assert [asked["kind"] for asked in page["commands"]] == ["restart"]
        assert answer(li.get("/buses/bus-1/health"))["items"] == []
        answer(li.get("/buses/bus-9"), 404)
        assert page["twin"]["revoked_at"] is None
        with connect(database) as connection:
            revoke(connection, city=CITY, device="bus-1", at=AT)
        page = answer(li.get("/buses/bus-1"))
        assert datetime.fromisoformat(page["twin"]["revoked_at"]) == AT
        assert [line["action"] for line in page["log"]] == ["restart", "wish"]
    assert query(database, "SELECT actor FROM fleet_log ORDER BY id") == [("li",), ("li",)]


def test_a_bus_answers_once_to_what_it_was_told(address: str, database: str) -> None:
    def told(kind: str) -> str:
        answer(li.post("/buses/bus-1/commands", json={"kind": kind}), 202)
        return str(query(database, TELL, kind)[0][0])

    mine = {"X-Busense-Device": f"{CITY}/bus-1", "Authorization": f"Bearer {SECRET}"}
    url = f"{address}/api/v1/devices/answers"
    picture = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    with person(address, "li") as li:
        number = told("send_picture")
        assert httpx.put(f"{url}/{number}", headers=mine, content=b"no picture").status_code == 422
        with_metadata = picture[:2] + b"\xff\xe1\x00\x06Exif" + picture[2:]
        assert httpx.put(f"{url}/{number}", headers=mine, content=with_metadata).status_code == 422
        assert httpx.put(f"{url}/{number}", headers=mine, content=bytes(MAX_BYTES + 1)).status_code == 413
        other = mine | {"X-Busense-Device": f"{CITY}/bus-2"}
        assert httpx.put(f"{url}/{number}", headers=other, content=picture).status_code == 404
        answer(li.get(f"/buses/bus-1/commands/{number}/answer"), 404)
        assert httpx.put(f"{url}/{number}", headers=mine, content=picture).status_code == 204
        assert httpx.put(f"{url}/{number}", headers=mine, content=picture).status_code == 404
        seen = li.get(f"/buses/bus-1/commands/{number}/answer")
        assert (seen.content, seen.headers["Content-Type"]) == (picture, "image/jpeg")
        answer(li.get(f"/buses/bus-2/commands/{number}/answer"), 404)
        logs = told("send_logs")
        assert httpx.put(f"{url}/{logs}", headers=mine, content=b"\xff").status_code == 422
        assert httpx.put(f"{url}/{logs}", headers=mine, content="日志\n".encode()).status_code == 204
        assert li.get(f"/buses/bus-1/commands/{logs}/answer").text == "日志\n"
        assert httpx.put(f"{url}/{told('restart')}", headers=mine, content=b"x").status_code == 404
        late = told("send_logs")
        query(database, AN_HOUR_AGO, late)
        assert httpx.put(f"{url}/{late}", headers=mine, content=b"x").status_code == 404
        commands = answer(li.get("/buses/bus-1"))["commands"]
        assert [each["media_type"] for each in commands if each["answered_at"]] == ["text/plain", "image/jpeg"]


def test_a_model_is_packed_with_all_that_a_bus_reads_of_it(tmp_path: Path) -> None:
    command("model", "models/road_damage", "--out", tmp_path / "model.zip")
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        names = set(archive.namelist())
    networks = {"model.onnx", "model.int8.onnx", "second_look.onnx"}
    assert names == {"package.toml", "manifest.toml", "error_model.json"} | networks


def test_a_package_that_nobody_trusted_signed_is_refused(database: str, tmp_path: Path) -> None:
    settings, package = tmp_path / "a.toml", tmp_path / "a.zip"
    settings.write_text("[health]\nevery_s = 30\n")
    command("key", tmp_path / "other.key")
    command("settings", settings, "--name", "a", "--version", "1", "--out", package)
    command("sign", package, "--key", tmp_path / "other.key")
    config = tmp_path / "cloud.toml"
    config.write_text(f'city = "{CITY}"\n[database]\nurl = "{database}"\n[fleet]\nrelease_keys = []\n')
    result = CliRunner().invoke(busense, ["release", "add", str(package), "--config", str(config)])
    assert "release_keys is empty" in str(result.exception)
    assert query(database, "SELECT count(*) FROM releases") == [(0,)]
