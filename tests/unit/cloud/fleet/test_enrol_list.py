"""A list of devices is taken as a whole, or refused line by line."""

from pathlib import Path

import pytest

from cloud.errors import FleetError
from cloud.fleet.enrol_list import read_list


def taken(tmp_path: Path, text: str) -> list[tuple[str, str, str, str]]:
    (tmp_path / "list.csv").write_text(text, encoding="utf-8-sig")  # as a spreadsheet writes it
    return [(each.city, each.device, each.kind, each.name) for each in read_list(tmp_path / "list.csv", city="c")]


def test_devices_with_their_kind_and_plate(tmp_path: Path) -> None:
    assert taken(tmp_path, "name,device,kind\r\n浙C12345,bus-1,bus\r\n, d/stop-12 ,relay\r\n") == [
        ("c", "bus-1", "bus", "浙C12345"),
        ("d", "stop-12", "relay", ""),
    ]


def test_a_list_of_nobody(tmp_path: Path) -> None:
    assert taken(tmp_path, "device,kind\n") == []


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ["1: the columns device, kind and maybe name are expected, not nothing"]),
        ("device\nbus-1\n", ["1: the columns device, kind and maybe name are expected, not device"]),
        ("device,kind,plate\n", ["1: the columns device, kind and maybe name are expected, not device, kind, plate"]),
        ("device,kind\nbus-1\n", ["2: it has another number of columns than the first line"]),
        ("device,kind\nbus-1,bus,x\n", ["2: it has another number of columns than the first line"]),
        ('device,kind\n"bus-1,bus\n', ["2: unexpected end of data"]),
        (
            "device,kind\nBus 1,bus\nbus-2,tram\nbus-3,bus\nbus-3,bus\n",
            [
                "2: 'Bus 1': lower-case letters, digits and dashes are expected, at most 63",
                "3: kind 'tram': bus, stop, relay is expected",
                "5: bus-3 stands in line 4 too",
            ],
        ),
    ],
    ids=["empty", "column missing", "column unknown", "too few", "too many", "no end", "several lines"],
)
def test_each_line_that_cannot_be_taken_is_named(tmp_path: Path, text: str, faults: list[str]) -> None:
    with pytest.raises(FleetError) as caught:
        taken(tmp_path, text)

    assert str(caught.value).splitlines() == [f"{tmp_path / 'list.csv'}:{fault}" for fault in faults]


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes("device,kind,name\nbus-1,bus,浙C12345\n".encode("gbk"))

    with pytest.raises(FleetError, match="UTF-8"):
        read_list(tmp_path / "list.csv", city="c")
