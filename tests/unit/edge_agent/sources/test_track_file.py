from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import SourceError
from edge_agent.readings import FixQuality
from edge_agent.scenarios.whereabouts.scenario import Whereabouts
from edge_agent.sources.nmea import UNKNOWN_ACCURACY_M, NmeaReader
from edge_agent.sources.track_file import read_track
from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id

CSV = """at,lon,lat,speed_mps,heading_deg,accuracy_m
2026-11-24T08:00:01Z,120.41,27.51,8.5,361,2.5
2026-11-24T16:00:00+08:00,120.4,27.5,,,
"""
GPX = """<?xml version="1.0"?>
<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="27.5" lon="120.4"><time>2026-11-24T08:00:00Z</time><hdop>1.5</hdop></trkpt>
<trkpt lat="27.51" lon="120.41"><time>2026-11-24T08:00:01Z</time></trkpt>
</trkseg></trk></gpx>
"""


def sentence(body: str) -> str:
    check = 0
    for letter in body:
        check ^= ord(letter)
    return f"${body}*{check:02X}"


NMEA = "\n".join(
    [
        sentence("GPGGA,080000.00,2730.000,N,12024.000,E,2,09,0.8,10,M,5,M,,"),
        sentence("GPRMC,080000.00,A,2730.000,N,12024.000,E,19.438,090.0,241126,,"),
        "$GPRMC,broken*00",
        sentence("GPRMC,080001.00,V,2730.000,N,12024.000,E,19.438,090.0,241126,,"),
        sentence("GPRMC,080001.00,A,2730.600,N,12024.600,E,19.438,090.0,241126,,"),
    ]
)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(("name", "text"), [("t.csv", CSV), ("t.gpx", GPX), ("t.nmea", NMEA)])
def test_every_format_gives_the_same_places_in_order(tmp_path: Path, name: str, text: str) -> None:
    first, second = read_track(written(tmp_path, name, text))
    assert first.at == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert (second.at - first.at).total_seconds() == 1
    assert (first.lon, first.lat) == pytest.approx((120.4, 27.5))
    assert (second.lon, second.lat) == pytest.approx((120.41, 27.51))


def test_csv_tells_speed_heading_and_accuracy(tmp_path: Path) -> None:
    first, second = read_track(written(tmp_path, "t.csv", CSV))
    assert (second.speed_mps, second.heading_deg, second.accuracy_m) == (8.5, 1.0, 2.5)
    assert (first.speed_mps, first.heading_deg) == (None, None)


def test_a_dilution_of_0_is_none(tmp_path: Path) -> None:
    first, second = read_track(written(tmp_path, "t.gpx", GPX.replace("<hdop>1.5", "<hdop>0")))
    assert first.accuracy_m == second.accuracy_m == UNKNOWN_ACCURACY_M


def test_nmea_tells_speed_course_and_quality(tmp_path: Path) -> None:
    first, _ = read_track(written(tmp_path, "t.nmea", NMEA))
    assert first.speed_mps == pytest.approx(10.0, abs=0.001)
    assert first.heading_deg == 90
    assert first.accuracy_m == pytest.approx(2.4)
    assert first.fix is FixQuality.DGNSS


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.csv", "at,lon\n", "lat is missing"),
        ("t.csv", "at,lon,lat\n2026-11-24T08:00:00Z,x,27\n", "line 2"),
        ("t.csv", "at,lon,lat\n2026-11-24T08:00:00,120,27\n", "no zone"),
        ("t.csv", "at,lon,lat\n2026-11-24T08:00:00Z,120,nan\n", "lat nan is out of range"),
        ("t.csv", "at,lon,lat\n", "no fix"),
        ("t.csv", "at,lon,lat,speed_mps\n2026-11-24T08:00:00Z,120,27,-1\n", "line 2: -1.0 m/s.*leave out"),
        ("t.csv", "at,lon,lat,accuracy_m\n2026-11-24T08:00:00Z,120,27,0\n", "line 2: .*known to 0.0 m"),
        ("t.gpx", "<gpx", "no GPX"),
        ("t.gpx", GPX.replace('lat="27.51"', 'lat="127.51"'), "point of 2026-11-24 08:00:01.*127.51"),
        ("t.nmea", "nothing\n", "no fix"),
        ("t.kml", "", "is expected"),
    ],
)
def test_a_bad_track_is_explained(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read_track(written(tmp_path, name, text))


@pytest.mark.parametrize(
    ("lat", "knots", "hdop", "is_told"),
    [
        pytest.param("2730.000", "291.5", "33000", True, id="at the limits"),
        pytest.param("2730.000", "999.9", "0.8", False, id="too fast"),
        pytest.param("9930.000", "19.4", "0.8", False, id="no latitude"),
        pytest.param("2730.000", "19.4", "inf", True, id="worst"),
        pytest.param("2730.000", "nan", "0.8", False, id="no speed"),
    ],
)
def test_a_receiver_that_is_misled_says_nothing_that_no_message_takes(
    lat: str, knots: str, hdop: str, *, is_told: bool
) -> None:
    reader = NmeaReader()
    reader.read(sentence(f"GPGGA,080000.00,{lat},N,12024.000,E,1,09,{hdop},10,M,5,M,,"))
    fix = reader.read(sentence(f"GPRMC,080000.00,A,{lat},N,12024.000,E,{knots},090.0,241126,,"))
    assert (fix is not None) is is_told
    for batch in Whereabouts(batch_s=0.0).take(fix, None) if fix is not None else ():
        event_id = make_id(batch.observed_at)
        encode_envelope(
            Envelope(
                id=event_id, source="/c/b", time=batch.observed_at, data=batch.message, stream=event_id, sequence=1
            )
        )


@pytest.mark.parametrize(
    ("place", "course"),
    [("2730.000,N,12024.000,E", "nan"), (",,,", "90.0"), ("0000.000,N,00000.000,E", "90.0")],
    ids=["no course", "no place", "zeros"],
)
def test_a_receiver_that_knows_nothing_tells_nothing_that_no_bus_does(place: str, course: str) -> None:
    fix = NmeaReader().read(sentence(f"GPRMC,080000.00,A,{place},9.4,{course},241126,,"))
    assert fix is None or (fix.lon, fix.lat, fix.heading_deg) == (pytest.approx(120.4), pytest.approx(27.5), None)


def test_a_missing_track_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.csv"):
        read_track(tmp_path / "none.csv")


@given(st.text(max_size=120))
def test_no_line_breaks_the_nmea_reader(line: str) -> None:
    assert NmeaReader().read(line) is None


@given(st.text("0123456789,.ANESWV", max_size=80))
def test_no_sound_sentence_with_strange_fields_breaks_it(fields: str) -> None:
    reader = NmeaReader()
    reader.read(sentence(f"GPGGA,{fields}"))
    reader.read(sentence(f"GPRMC,{fields}"))
