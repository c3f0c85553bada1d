"""How long a bus can be without a network, and how fast it tells everything afterwards.

    python -m benchmarks.outbox [--days 30] [--share 0.1] [--json FILE]

Fills a real outbox with a bus's month (or a share of it, said in the table), message by message in the order of time,
then hands everything out in rounds with receipts, as the publisher and the cloud would, while live messages come.
A bus: 16 hours of service and 200 km a day, 12 observations a kilometre, one in eight with a picture that still waits
after the cloud is back; pictures are counted by their size and not written.
"""

import json
import math
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.record import result_file
from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.sending import Waiting
from wire.messages import (
    Blur,
    CameraState,
    ClockSource,
    Coverage,
    Detection,
    Fix,
    Health,
    Kind,
    Message,
    ModelVersion,
    OutboxState,
    PictureReference,
    Stored,
    Track,
    TrackPoint,
    Unusable,
)

START: Final = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)
SERVICE_H: Final = 16.0
KM_A_DAY: Final = 200.0
OBSERVATIONS_A_KM: Final = 12.0
PICTURE_EVERY: Final = 8
PICTURE_BYTES: Final = 45_000  # a blurred JPEG of 640 x 384
LIMIT_BYTES: Final = 2 * 1024**3
BATCH_S: Final = 10
WINDOW: Final = 64
ROUND: Final = 2_000  # messages between two receipts
MODEL: Final = ModelVersion(name="road_damage", version="0.2.0", sha256="0123456789abcdef" * 4)


def month(days: float) -> list[tuple[float, Kind]]:
    """When, in seconds from the start, which kind of message is made."""
    service_s = SERVICE_H * 3600
    per_day = {
        Kind.TRACK: service_s / BATCH_S,
        Kind.COVERAGE: KM_A_DAY * 10,
        Kind.DETECTION: KM_A_DAY * OBSERVATIONS_A_KM,
        Kind.HEALTH: service_s / 60,
    }
    made: list[tuple[float, Kind]] = []
    for kind, count in per_day.items():
        step_s = service_s / count
        for day in range(math.ceil(days)):
            share = min(1.0, days - day)
            made += [(day * 86_400 + number * step_s, kind) for number in range(round(count * share))]
    return sorted(made, key=lambda each: each[0])


def message(kind: Kind, number: int, at: datetime) -> Message:
    """A message as a bus makes them, with all the digits that floats have."""
    lon, lat = 120.412345678 + number * 1.0000137e-5, 27.512345678 + number * 0.9000311e-5
    match kind:
        case Kind.TRACK:
            return Track(
                points=tuple(
                    TrackPoint(
                        at=at + timedelta(seconds=second, milliseconds=123),
                        lon=lon + second * 1.07e-5,
                        lat=lat + second * 0.93e-5,
                        accuracy_m=3.6000000001,
                        fix=Fix.GNSS,
                        speed_mps=9.7654321 + second / 7,
                        heading_deg=123.456 + second / 3,
                    )
                    for second in range(BATCH_S + 1)
                )
            )
        case Kind.COVERAGE:
            return Coverage(
                from_at=at,
                to_at=at + timedelta(seconds=11.123456),
                line=tuple((lon + step * 1.07e-4, lat + step * 0.93e-4) for step in range(11)),
                heading_deg=123.4567891,
                accuracy_m=3.600000001,
                frames=88,
                usable_share=0.943181818,
                unusable={Unusable.DARK: 3, Unusable.BLURRED: 2},
                near_m=3.123456,
                far_m=15.654321,
                left_m=3.75,
                right_m=3.75,
                camera_id="front",
                model=MODEL,
            )
        case Kind.DETECTION:
            return _detection(number, at, lon=lon, lat=lat)
        case _:
            return Health(
                software="busense 0.1.0",
                models=(MODEL,),
                outbox_depth=number,
                outbox_bytes=number * 1000,
                outbox_oldest_s=number * 60.123,
                given_up=(),
                frames_per_s=7.98765,
                frames_dropped=12,
                pictures_waiting=number,
                camera=CameraState.WORKING,
                clock=ClockSource.GNSS,
                clock_offset_s=0.123456,
                temperature_c=61.5,
                disk_free_bytes=12_345_678_901,
                outbox=OutboxState.DISK,
                outbox_damaged=0,
                given_up_counts={},
                pictures_given_up=0,
            )


def _detection(number: int, at: datetime, *, lon: float, lat: float) -> Detection:
    picture = None
    if number % PICTURE_EVERY == 0:
        picture = PictureReference(
            sha256=f"{number:064x}",
            size_bytes=PICTURE_BYTES,
            media_type="image/jpeg",
            width_px=640,
            height_px=384,
            blur=Blur(detector="centerface", version="1.0", faces=1, plates=0, threshold=0.4),
        )
    return Detection(
        class_code="D40",
        confidence=0.87654321,
        observed_at=at,
        first_seen_at=at - timedelta(seconds=1.234567),
        last_seen_at=at + timedelta(seconds=0.345678),
        lon=lon,
        lat=lat,
        along_m=1.23456789,
        across_m=0.98765432,
        heading_deg=123.456789,
        frames=9,
        box_xyxy_px=(123.456, 234.567, 223.456, 264.567),
        frame_width_px=640,
        frame_height_px=384,
        camera_id="front",
        model=MODEL,
        distance_m=8.7654321,
        length_m=0.87654321,
        width_m=0.65432198,
        area_m2=0.4567891,
        picture=picture,
    )


def fill(outbox: Outbox, made: list[tuple[float, Kind]]) -> float:
    """Put everything; how long it took."""
    begun_s = time.perf_counter()
    for number, (after_s, kind) in enumerate(made):
        at = START + timedelta(seconds=after_s)
        outbox.put(message(kind, number, at), observed_at=at)
    return time.perf_counter() - begun_s


@dataclass(slots=True)
class Cloud:
    """Stores what it is sent, and gives receipts."""

    stored: dict[str, set[int]]

    def take(self, messages: list[Waiting]) -> None:
        for each in messages:
            self.stored.setdefault(each.stream, set()).add(each.sequence)

    def receipts(self) -> list[Stored]:
        return [_receipt(stream, numbers) for stream, numbers in self.stored.items()]


def _receipt(stream: str, numbers: set[int]) -> Stored:
    ordered, missing, expected = sorted(numbers), list[tuple[int, int]](), 1
    for number in ordered:
        if number > expected:
            missing.append((expected, number - 1))
        expected = number + 1
    return Stored(stream=stream, up_to=ordered[-1], missing=tuple(missing))


def drain(outbox: Outbox, *, live_every: int) -> dict[str, object]:
    """Send everything with a live message now and then; when which kind was through, and how live messages fared."""
    cloud, begun_s = Cloud({}), time.perf_counter()
    outbox.begin_session()
    through: dict[str, float] = {}
    most_gaps, behind, told, live = 0, 0, 0, 0
    while outbox.depth().messages:
        for _ in range(ROUND // WINDOW):
            if told % live_every < WINDOW:
                outbox.put(message(Kind.TRACK, told, START), observed_at=START)
                live += 1
            messages = outbox.next_to_send(WINDOW)
            if not messages:
                break
            behind = max(behind, 0 if told % live_every >= WINDOW or messages[0].kind is Kind.TRACK else 1)
            outbox.mark_sent([each.number for each in messages])
            cloud.take(messages)
            told += len(messages)
            for each in messages:
                through[each.kind.value] = time.perf_counter() - begun_s
        for receipt in cloud.receipts():
            most_gaps = max(most_gaps, len(receipt.missing))
            outbox.apply_receipt(receipt)
    seconds = time.perf_counter() - begun_s
    return {
        "messages": told,
        "drained_s": round(seconds, 1),
        "messages_per_s": round(told / seconds),
        "through_after_s": {kind: round(after_s, 1) for kind, after_s in through.items()},
        "live_messages": live,
        "live_messages_that_waited": behind,
        "most_gaps_in_a_receipt": most_gaps,
    }


def main() -> None:
    """Fill, weigh, drain."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--share", type=float, default=1.0, help="part of the days that is really filled")
    parser.add_argument("--json", type=result_file)
    arguments = parser.parse_args()
    days = arguments.days * arguments.share
    made = month(days)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        report = measure(Path(folder), made, days=days, of_days=arguments.days)
    print(json.dumps(report, indent=2))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=2))


def measure(folder: Path, made: list[tuple[float, Kind]], *, days: float, of_days: float) -> dict[str, object]:
    """Fill an outbox and empty it again."""
    path = folder / "outbox.db"
    outbox = _open(path)
    put_s = fill(outbox, made)
    depth = outbox.depth()
    pictures_bytes = depth.pictures * PICTURE_BYTES
    outbox.close()
    file_bytes = path.stat().st_size
    begun_s = time.perf_counter()
    outbox = _open(path)
    open_s = time.perf_counter() - begun_s
    drained = drain(outbox, live_every=5_000)
    outbox.close()
    factor = of_days / days
    return {
        "days_filled": days,
        "messages": dict(Counter(kind.value for _, kind in made)),
        "put_messages_per_s": round(len(made) / put_s),
        "given_up": len(made) - depth.messages,
        "counted_bytes": depth.bytes,
        "file_bytes": file_bytes,
        "picture_bytes": pictures_bytes,
        "file_bytes_per_counted_byte": round(file_bytes / (depth.bytes - pictures_bytes), 3),
        f"bytes_of_{of_days:.0f}_days": round((file_bytes + pictures_bytes) * factor),
        "share_of_2_gib": round((file_bytes + pictures_bytes) * factor / LIMIT_BYTES, 3),
        "open_and_check_s": round(open_s, 2),
        "drain": drained,
    }


def _open(path: Path) -> Outbox:
    return Outbox(path, source="/testcity/bus-1", max_bytes=LIMIT_BYTES, now=lambda: START)


if __name__ == "__main__":
    main()
