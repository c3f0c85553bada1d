"""Photos of crews: made safe by the real program, kept without metadata."""

import io
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString

import httpx
import pytest
from PIL import Image, ImageDraw

from cloud.errors import PhotoError, UnavailableError
from cloud.pictures.blur import Blur
from tests.integration.ingest_database import value
from tests.integration.office import Office, headers_of, open_office
from tests.integration.town import Town

IN_A_TRANSACTION: LiteralString = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'
"""
ORIENTATION, TURNED = 0x0112, 6  # the phone was held upright: turn by 90 degrees


def phone_photo(*, shade: int = 120, orientation: int = 1) -> bytes:
    """A photo as a phone makes it: lying on its side, with metadata."""
    image = Image.new("RGB", (160, 120), (shade, shade, shade))
    ImageDraw.Draw(image).rectangle((0, 0, 40, 119), fill=(250, 250, 250))  # left
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "a phone"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, exif=exif)
    return buffer.getvalue()


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    with open_office(Town(url=database), tmp_path) as opened:
        yield opened


def send(office: Office, case: dict[str, Any], content: bytes, *, who: str = "crew-1", key: str) -> httpx.Response:
    headers = headers_of(who) | {"Idempotency-Key": key, "Content-Type": "image/jpeg"}
    place = {"kind": "before", "lon": case["lon"], "lat": case["lat"]}
    return office.api.post(f"/cases/{case['id']}/photos", params=place, content=content, headers=headers)


def test_photo_is_turned_and_loses_its_metadata(office: Office) -> None:
    case = office.accepted_case()
    answer = send(office, case, phone_photo(orientation=TURNED), key="photo-number-1")
    assert answer.status_code == 201, answer.text
    (photo,) = answer.json()["photos"]
    shown = office.api.get(f"/pictures/{photo['sha256']}").content

    assert (photo["width_px"], photo["height_px"]) == (120, 160)
    assert b"Exif" not in shown
    assert b"a phone" not in shown
    with Image.open(io.BytesIO(shown)) as image:
        top, bottom = (image.convert("L").getpixel((60, row)) for row in (10, 150))
        assert isinstance(top, int)
        assert isinstance(bottom, int)
        assert top > bottom  # what lay left is up now
    assert answer.json()["version"] == case["version"]


def test_photo_that_comes_again_is_kept_once(office: Office) -> None:
    case = office.accepted_case()
    first = send(office, case, phone_photo(), key="photo-number-1")
    again = send(office, case, phone_photo(), key="photo-number-1")

    assert again.json() == first.json()
    assert len(office.case(case["id"])["photos"]) == 1


def test_photo_is_made_safe_while_nothing_in_the_database_waits_for_it(database: str, tmp_path: Path) -> None:
    gate, runs = tmp_path / "gate", tmp_path / "runs"
    os.mkfifo(gate)
    waits = f"open({str(runs)!r}, 'a').write('run '); open({str(gate)!r}).read()"
    program = f"import os, sys; {waits}; os.execv(sys.executable, [sys.executable, '-m', 'busense', 'blur'])"
    town = Town(url=database)
    with (
        ThreadPoolExecutor(2) as threads,
        open_office(town, tmp_path, blur_command=(sys.executable, "-c", program)) as office,
    ):
        case = office.accepted_case()
        sent = [threads.submit(send, office, case, phone_photo(), key="photo-number-1") for _ in range(2)]
        with gate.open("w"):  # once the program runs
            assert value(database, IN_A_TRANSACTION) == 0
            noted = office.acted("desk", case, "comment", reason="the case is nobody's")
        first, again = (each.result() for each in sent)

    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert first.json() == again.json()
    assert len(first.json()["photos"]) == 1
    assert first.json()["version"] == noted["version"]
    assert runs.read_text() == "run "


def test_what_is_no_photo_is_refused(office: Office) -> None:
    case = office.accepted_case()

    assert send(office, case, b"no photo at all", key="photo-number-1").status_code == 422
    assert send(office, case, b"", key="photo-number-2").status_code == 422
    assert send(office, case, b"x" * 5_000_000, key="photo-number-3").status_code == 413
    assert send(office, case, phone_photo(), who="crew-2", key="photo-number-4").status_code == 403
    assert office.case(case["id"])["photos"] == []


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["/no/such/program"], UnavailableError),
        ([sys.executable, "-c", "raise SystemExit(1)"], UnavailableError),
        ([sys.executable, "-c", "print('not JSON')"], UnavailableError),
        ([sys.executable, "-c", "raise SystemExit(3)"], PhotoError),
    ],
    ids=["not there", "fails", "speaks another language", "refuses"],
)
def test_nothing_unsafe_is_ever_returned(command: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        Blur(command).make_safe(phone_photo())


def test_program_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSENSE_DATABASE__URL", "postgresql://secret")
    program = "import os, sys; sys.exit(3 if 'BUSENSE_DATABASE__URL' in os.environ else 1)"
    with pytest.raises(UnavailableError):
        Blur([sys.executable, "-c", program]).make_safe(b"")
