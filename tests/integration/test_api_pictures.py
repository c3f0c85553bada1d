"""Pictures: put under their hash by the bus, shown to viewers."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.integration.api_server import api_client
from tests.integration.ingest_database import SECRET
from tests.integration.town import Town


def jpeg(*, width_px: int = 64, shade: int = 90, **saving: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width_px, 48), (shade, shade, shade)).save(buffer, "JPEG", **saving)
    return buffer.getvalue()


@pytest.fixture
def town(database: str) -> Town:
    return Town(url=database)


@pytest.fixture
def api(town: Town, tmp_path: Path) -> Iterator[httpx.Client]:
    with api_client(town.url, tmp_path) as client:
        yield client


def announce(town: Town, picture: bytes, *, bus: str = "bus-1", minutes: float = 0.0, east_m: float = 0.0) -> str:
    sha256 = hashlib.sha256(picture).hexdigest()
    reference = {
        "sha256": sha256,
        "size_bytes": len(picture),
        "media_type": "image/jpeg",
        "width_px": 64,
        "height_px": 48,
        "blur": {"detector": "faces", "version": "1", "faces": 0, "plates": 0, "threshold": 0.3},
    }
    town.sees(bus=bus, minutes=minutes, east_m=east_m, picture=reference)
    town.store()
    return sha256


def put(api: httpx.Client, sha256: str, picture: bytes, *, bus: str = "bus-1", secret: str = SECRET) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}", "X-Busense-Device": f"testcity/{bus}"}
    return api.put(f"/pictures/{sha256}", content=picture, headers=headers)


def test_announced_picture_is_taken_once_and_shown(api: httpx.Client, town: Town) -> None:
    picture = jpeg()
    sha256 = announce(town, picture)

    assert api.get(f"/pictures/{sha256}").status_code == 404
    assert put(api, sha256, picture).status_code == 201
    assert put(api, sha256, picture).status_code == 204
    shown = api.get(f"/pictures/{sha256}")
    assert shown.content == picture
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["cache-control"] == "private, max-age=3600", (
        "it may be erased, and then no browser has it long"
    )


def test_finding_tells_when_its_picture_is_there(api: httpx.Client, town: Town) -> None:
    picture = jpeg()
    put(api, announce(town, picture), picture)
    town.work()
    finding = town.findings()[0]

    passes = api.get(f"/findings/{finding['id']}").json()["properties"]["passes"]
    assert passes[0]["picture"] == {
        "sha256": finding["picture_sha256"],
        "available": True,
        "width_px": 64,
        "height_px": 48,
    }


def test_two_buses_may_have_the_same_picture(api: httpx.Client, town: Town) -> None:
    picture = jpeg()
    announce(town, picture, bus="bus-1")
    sha256 = announce(town, picture, bus="bus-2", minutes=1)

    assert put(api, sha256, picture, bus="bus-2").status_code == 201
    assert put(api, sha256, picture, bus="bus-1").status_code == 204


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({"secret": "a-secret-of-somebody-else"}, 403, id="wrong secret"),
        pytest.param({"bus": "bus-99"}, 403, id="unknown device"),
        pytest.param({"bus": "../bus-1"}, 403, id="no device name"),
    ],
)
def test_stranger_is_refused(api: httpx.Client, town: Town, changes: dict[str, str], status: int) -> None:
    picture = jpeg()
    response = put(api, announce(town, picture), picture, **changes)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_missing_secret_is_refused(api: httpx.Client) -> None:
    assert api.put(f"/pictures/{'0' * 64}", content=b"x").status_code == 403


def test_picture_that_nobody_announced_may_come_later(api: httpx.Client) -> None:
    picture = jpeg()

    assert put(api, hashlib.sha256(picture).hexdigest(), picture).status_code == 409


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(jpeg(shade=91), 422, id="another picture"),
        pytest.param(jpeg()[:-40], 422, id="cut"),
        pytest.param(jpeg() + b"x" * 100, 413, id="more than announced"),
    ],
)
def test_bytes_that_were_not_announced_are_refused(api: httpx.Client, town: Town, sent: bytes, status: int) -> None:
    sha256 = announce(town, jpeg())

    assert put(api, sha256, sent).status_code == status
    assert api.get(f"/pictures/{sha256}").status_code == 404


@pytest.mark.parametrize(
    "picture",
    [jpeg(comment=b"taken at home"), jpeg(width_px=65), b"no picture at all"],
    ids=["comment", "size", "text"],
)
def test_picture_that_may_not_leave_a_bus_is_refused(api: httpx.Client, town: Town, picture: bytes) -> None:
    assert put(api, announce(town, picture), picture).status_code == 422
