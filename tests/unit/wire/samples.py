"""One sample of each kind, and a strategy that draws whole envelopes."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from hypothesis import strategies as st

from wire.envelope import Envelope, make_id
from wire.messages import (
    COUNTED_KINDS,
    KIND_OF_MESSAGE,
    Blur,
    Coverage,
    Detection,
    Health,
    Kind,
    Message,
    ModelVersion,
    PictureReference,
    Presence,
    State,
    Stored,
    Track,
    TrackPoint,
    Unusable,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "wire"
AT = datetime(2026, 11, 24, 8, 30, 15, 123456, tzinfo=UTC)
ID = "019ab4d2-3f00-7abc-8def-0123456789ab"


def sample_payload(kind: Kind) -> bytes:
    """The golden message of a kind."""
    return (GOLDEN / f"{kind.value}.v1.json").read_bytes()


def sample_document(kind: Kind) -> dict[str, Any]:
    """The golden message of a kind, as a document to be changed."""
    return cast("dict[str, Any]", json.loads(sample_payload(kind)))


def sample_envelopes() -> st.SearchStrategy[Envelope]:
    """Envelopes with drawn content."""
    messages = _detections() | _coverages() | _tracks() | _healths() | _states() | _receipts()
    return st.builds(_envelope, messages, at=_instants, sequence=st.integers(1, 2**53 - 1))


def _envelope(message: Message, *, at: datetime, sequence: int) -> Envelope:
    is_counted = KIND_OF_MESSAGE[type(message)] in COUNTED_KINDS
    return Envelope(
        id=make_id(at),
        source="/town/bus-1",
        time=at,
        data=message,
        stream=ID if is_counted else None,
        sequence=sequence if is_counted else None,
    )


def _floats(
    low: float, high: float, *, exclude_min: bool = False, exclude_max: bool = False
) -> st.SearchStrategy[float]:
    return st.floats(low, high, exclude_min=exclude_min, exclude_max=exclude_max, allow_nan=False)


_instants = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_lon, _lat, _shares = _floats(-180, 180), _floats(-90, 90), _floats(0, 1)
_sigmas, _metres = _floats(0, 1e5, exclude_min=True), _floats(0, 1e5)
_headings = _floats(0, 360, exclude_max=True)
_counts = st.integers(0, 2**31 - 1)
_names = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=64)
_hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
_models = st.builds(ModelVersion, name=_names, version=_names, sha256=_hashes)
_blurs = st.builds(Blur, detector=_names, version=_names, faces=_counts, plates=_counts, threshold=_shares)
_sides = st.integers(16, 8192)
_qualities = st.none() | st.from_regex(r"[a-z][a-z_]{0,31}", fullmatch=True)


def _pictures() -> st.SearchStrategy[PictureReference]:
    return st.builds(
        PictureReference,
        sha256=_hashes,
        size_bytes=st.integers(1, 4_194_304),
        media_type=st.sampled_from(["image/jpeg", "image/webp"]),
        width_px=_sides,
        height_px=_sides,
        blur=_blurs,
    )


def _detections() -> st.SearchStrategy[Message]:
    pixels = _floats(-1e5, 1e5)
    return st.builds(
        Detection,
        class_code=st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,31}", fullmatch=True),
        confidence=_shares,
        observed_at=_instants,
        first_seen_at=_instants,
        last_seen_at=_instants,
        lon=_lon,
        lat=_lat,
        along_m=_sigmas,
        across_m=_sigmas,
        heading_deg=_headings,
        frames=st.integers(1, 100_000),
        box_xyxy_px=st.tuples(pixels, pixels, pixels, pixels),
        frame_width_px=_sides,
        frame_height_px=_sides,
        camera_id=_names,
        model=_models,
        distance_m=_metres,
        length_m=st.none() | _metres,
        width_m=st.none() | _metres,
        area_m2=st.none() | _metres,
        picture=st.none() | _pictures(),
        quality=_qualities,
    )


def _coverages() -> st.SearchStrategy[Message]:
    return st.builds(
        Coverage,
        from_at=_instants,
        to_at=_instants,
        line=st.lists(st.tuples(_lon, _lat), min_size=2, max_size=8).map(tuple),
        heading_deg=_headings,
        accuracy_m=_sigmas,
        frames=_counts,
        usable_share=_shares,
        unusable=st.dictionaries(st.sampled_from(Unusable), _counts, max_size=4),
        near_m=_metres,
        far_m=_metres,
        left_m=_metres,
        right_m=_metres,
        camera_id=_names,
        model=_models,
        quality=_qualities,
    )


def _tracks() -> st.SearchStrategy[Message]:
    speeds = st.none() | _floats(0, 150)
    points = st.builds(
        TrackPoint,
        at=_instants,
        lon=_lon,
        lat=_lat,
        accuracy_m=_sigmas,
        speed_mps=speeds,
        heading_deg=st.none() | _headings,
    )
    return st.builds(Track, points=st.lists(points, min_size=1, max_size=8).map(tuple))


def _healths() -> st.SearchStrategy[Message]:
    return st.builds(
        Health,
        software=_names,
        models=st.lists(_models, max_size=2).map(tuple),
        given_up=st.just(()),
        frames_per_s=_floats(0, 1000),
        outbox_depth=_counts,
        outbox_bytes=st.integers(0, 2**53 - 1),
        outbox_oldest_s=_floats(0, 1e9),
        frames_dropped=_counts,
        pictures_waiting=_counts,
        clock_offset_s=st.none() | _floats(-1e10, 1e10),
        temperature_c=st.none() | _floats(-100, 200),
        disk_free_bytes=st.none() | st.integers(0, 2**53 - 1),
    )


def _states() -> st.SearchStrategy[Message]:
    return st.builds(State, presence=st.sampled_from(Presence), since=_instants)


def _receipts() -> st.SearchStrategy[Message]:
    ranges = st.tuples(st.integers(1, 1000), st.integers(1000, 2000))
    return st.builds(
        Stored,
        stream=st.just(ID),
        up_to=st.integers(0, 2**53 - 1),
        missing=st.lists(ranges, max_size=5).map(tuple),
    )
