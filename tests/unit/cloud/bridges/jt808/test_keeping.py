import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from benchmarks.terminals import Spot, ahead_item
from cloud.bridges.jt808.alarms import read_alarm
from cloud.bridges.jt808.body import Item
from cloud.bridges.jt808.keeping import BlurredAlbum
from cloud.bridges.jt808.registry import Terminal
from cloud.config import PicturesConfig
from cloud.db.pool import Pool
from cloud.errors import UnavailableError
from cloud.pictures.blur import Blur
from cloud.pictures.store import open_store

SPOT = Spot(at=datetime(2026, 11, 24, 8, 0, 5, tzinfo=UTC), lon=120.4258, lat=27.5184)
MAKES_SAFE = """import sys; sys.stdout.write('{"width_px": 2, "height_px": 2, "blur": {}}\\n' + "safe")"""


def keep(folder: Path, *, blur: str) -> None:
    """Keep a picture where the database is never reached."""
    album = BlurredAlbum(
        cast("Pool", None), open_store(PicturesConfig(url=f"file://{folder}")), Blur(blur.split(" ", 2))
    )
    number, value = ahead_item(SPOT, number=1, flag=1, kind=1, files=1)
    alarm = read_alarm(Item(id=number, value=value))
    assert alarm is not None
    folder.rmdir()
    folder.write_text("a file in the place of the store")
    asyncio.run(album.keep(Terminal(phone="1", city="c", device="bus-1"), alarm, name="0.jpg", content=b"jpeg"))


def test_a_picture_that_cannot_be_stored_now_must_come_again(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="picture store"):
        keep(tmp_path / "pictures", blur=f"{sys.executable} -c {MAKES_SAFE}")


def test_a_picture_that_cannot_be_made_safe_now_must_come_again(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="made safe"):
        keep(tmp_path / "pictures", blur=f"{sys.executable} -c raise(SystemExit(1))")


def test_what_is_no_picture_is_left_out(tmp_path: Path) -> None:
    keep(tmp_path / "pictures", blur=f"{sys.executable} -c raise(SystemExit(3))")
