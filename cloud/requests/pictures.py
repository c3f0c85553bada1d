"""The pictures that a request may be about: found by place and time, handed out, erased with proof."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import IO, Any, Final, Protocol

from psycopg import Connection
from psycopg.rows import class_row

from cloud.cases.model import Detail
from cloud.db.value import fetch_value
from cloud.errors import OrderError
from cloud.findings.geometry import distance_m
from cloud.roads.plane import metres_per_degree

MOST_FOUND: Final = 500
MOST_CHOSEN: Final = 200
LONGEST_SPAN: Final = timedelta(days=31)
_SENT_LATER: Final = timedelta(hours=1)  # an observation gets its id when the damage has left the view

# Pictures of buses by their observations, clips and terminals' pictures by their events, photos of crews by the place
# of their case.
_FIND: Final = """
WITH seen AS (
    SELECT o.picture_sha256 AS sha256, o.observed_at AS at, o.lon, o.lat, o.class_code FROM observations o
    WHERE o.id_at BETWEEN %(from_at)s AND %(until)s AND o.observed_at BETWEEN %(from_at)s AND %(to_at)s
        AND o.lon BETWEEN %(min_lon)s AND %(max_lon)s AND o.lat BETWEEN %(min_lat)s AND %(max_lat)s
        AND o.picture_sha256 IS NOT NULL
    UNION ALL
    SELECT e.clip -> 'sheet' ->> 'sha256', e.to_at, e.lon, e.lat, e.kind FROM driving_events e
    WHERE e.id_at BETWEEN %(from_at)s AND %(until)s AND e.to_at BETWEEN %(from_at)s AND %(to_at)s
        AND e.lon BETWEEN %(min_lon)s AND %(max_lon)s AND e.lat BETWEEN %(min_lat)s AND %(max_lat)s
        AND e.clip IS NOT NULL
    UNION ALL
    SELECT a.sha256, e.to_at, e.lon, e.lat, e.kind FROM driving_events e
    JOIN jt808_attachments a ON a.city = e.city AND a.device = e.device AND a.kind = e.kind AND a.alarm_at = e.to_at
    WHERE e.id_at BETWEEN %(from_at)s AND %(until)s AND e.to_at BETWEEN %(from_at)s AND %(to_at)s
        AND e.lon BETWEEN %(min_lon)s AND %(max_lon)s AND e.lat BETWEEN %(min_lat)s AND %(max_lat)s
    UNION ALL
    SELECT p.sha256, p.at, coalesce(p.lon, f.lon), coalesce(p.lat, f.lat), c.class_code
    FROM case_photos p JOIN cases c ON c.id = p.case_id JOIN findings f ON f.id = c.finding_id
    WHERE p.at BETWEEN %(from_at)s AND %(to_at)s
        AND coalesce(p.lon, f.lon) BETWEEN %(min_lon)s AND %(max_lon)s
        AND coalesce(p.lat, f.lat) BETWEEN %(min_lat)s AND %(max_lat)s
), one_each AS (SELECT DISTINCT ON (sha256) * FROM seen ORDER BY sha256, at)
SELECT n.sha256, n.at, n.lon, n.lat, n.class_code, t.device, t.received_at IS NOT NULL AS is_here, t.erased_at,
    EXISTS (SELECT FROM legal_holds h WHERE h.lifted_at IS NULL AND h.city = t.city AND h.device = t.device
        AND t.announced_at BETWEEN h.from_at AND h.to_at) AS is_held,
    EXISTS (SELECT FROM driving_pictures d WHERE d.sha256 = n.sha256) AS is_of_driving
FROM one_each n JOIN pictures t ON t.sha256 = n.sha256 ORDER BY n.at, n.sha256 LIMIT %(limit)s
"""
_CHOSEN: Final = """
SELECT t.sha256, t.device, t.announced_at, t.size_bytes, t.media_type, t.width_px, t.height_px, t.blur::text AS blur,
    t.received_at IS NOT NULL AS is_here,
    EXISTS (SELECT FROM legal_holds h WHERE h.lifted_at IS NULL AND h.city = t.city AND h.device = t.device
        AND t.announced_at BETWEEN h.from_at AND h.to_at) AS is_held
FROM pictures t WHERE t.sha256 = ANY(%s) ORDER BY t.sha256 FOR UPDATE OF t
"""
_MARK: Final = """
UPDATE pictures SET erased_at = %s, received_at = NULL WHERE sha256 = ANY(%s) AND erased_at IS NULL
"""
_LOCK_HOLDS: Final = "LOCK TABLE legal_holds IN SHARE MODE"  # no new hold between looking and erasing
_OBSERVATIONS: Final = "SELECT count(*) FROM finding_observations WHERE picture_sha256 = ANY(%s)"


class Store(Protocol):
    """Where pictures lie."""

    def read(self, sha256: str) -> bytes: ...

    def remove(self, sha256: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """A place and a time."""

    lon: float
    lat: float
    radius_m: float
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPicture:
    """A picture that was taken there and then."""

    sha256: str
    at: datetime
    lon: float
    lat: float
    class_code: str
    device: str
    is_here: bool
    erased_at: datetime | None
    is_held: bool
    """A legal hold forbids to erase it."""
    is_of_driving: bool
    """Of an event at the wheel: its driver reads who opened it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure did, counted afterwards."""

    pictures: int
    in_store_before: int
    in_store_after: int
    sightings: int
    """Of the findings that these pictures showed; they are still there."""

    @property
    def is_proven(self) -> bool:
        return self.in_store_after == 0

    def as_details(self) -> dict[str, Detail]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    sha256: str
    device: str
    announced_at: datetime
    size_bytes: int
    media_type: str
    width_px: int
    height_px: int
    blur: str
    is_here: bool
    is_held: bool


def find_pictures(connection: Connection[Any], around: Around) -> list[FoundPicture]:
    """Find pictures by place and time, the oldest first; at most MOST_FOUND of the square around.

    Raises:
        OrderError: the time is no span, or too long.
    """
    if not timedelta() < around.to_at - around.from_at <= LONGEST_SPAN:
        raise OrderError(f"from_at to to_at must be a span of at most {LONGEST_SPAN.days} days")
    east_m, north_m = metres_per_degree(around.lat)
    values = {
        "from_at": around.from_at,
        "to_at": around.to_at,
        "until": around.to_at + _SENT_LATER,
        "min_lon": around.lon - around.radius_m / east_m,
        "max_lon": around.lon + around.radius_m / east_m,
        "min_lat": around.lat - around.radius_m / north_m,
        "max_lat": around.lat + around.radius_m / north_m,
        "limit": MOST_FOUND,
    }
    with connection.cursor(row_factory=class_row(FoundPicture)) as cursor:
        found = cursor.execute(_FIND, values).fetchall()
    return [
        each
        for each in found
        if distance_m(lon=each.lon, lat=each.lat, other_lon=around.lon, other_lat=around.lat) <= around.radius_m
    ]


def export_pictures(connection: Connection[Any], store: Store, hashes: Sequence[str], *, target: IO[bytes]) -> None:
    """Write pictures with what is known of each into a zip file.

    Raises:
        OrderError: one of them is not here.
    """
    chosen = _choose(connection, hashes)
    if missing := [each.sha256 for each in chosen if not each.is_here]:
        raise OrderError(f"not here (yet, or any longer): {', '.join(missing[:5])}")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # JPEG does not get smaller
        for each in chosen:
            archive.writestr(_file_name(each), _read(store, each.sha256))
        archive.writestr("pictures.json", json.dumps([_record(each) for each in chosen], indent=2, ensure_ascii=False))


def erase_pictures(connection: Connection[Any], store: Store, hashes: Sequence[str], *, at: datetime) -> Erased:
    """Take pictures out of the store for good, in the caller's transaction; the observations stay.

    A picture that has not come yet is marked too: the bus's is not taken when it comes. Killed in between, files are
    gone that are not marked: doing it again marks them.

    Raises:
        OrderError: one of them is not known, or a legal hold names it; then none is erased.
    """
    connection.execute(_LOCK_HOLDS)
    chosen = _choose(connection, hashes)
    if held := [each.sha256 for each in chosen if each.is_held]:
        raise OrderError(f"a legal hold names {len(held)} of them, {held[0]} for one: it must be lifted first")
    names = [each.sha256 for each in chosen]
    before = sum(_lies_in(store, name) for name in names)
    connection.execute(_MARK, (at, names))
    for name in names:
        store.remove(name)
    return Erased(
        pictures=len(names),
        in_store_before=before,
        in_store_after=sum(_lies_in(store, name) for name in names),
        sightings=fetch_value(connection, _OBSERVATIONS, (names,)),
    )


def _choose(connection: Connection[Any], hashes: Sequence[str]) -> list[_Chosen]:
    names = sorted(set(hashes))
    with connection.cursor(row_factory=class_row(_Chosen)) as cursor:
        chosen = cursor.execute(_CHOSEN, (names,)).fetchall()
    known = {each.sha256 for each in chosen}
    if strangers := [name for name in names if name not in known]:
        raise OrderError(f"there is no picture {strangers[0]}")
    return chosen


def _read(store: Store, sha256: str) -> bytes:
    try:
        return store.read(sha256)
    except FileNotFoundError as error:
        raise OrderError(f"{sha256} is not in the store") from error


def _lies_in(store: Store, sha256: str) -> bool:
    try:
        store.read(sha256)
    except FileNotFoundError:
        return False
    return True


def _file_name(each: _Chosen) -> str:
    return f"{each.sha256}.{'webp' if each.media_type == 'image/webp' else 'jpg'}"


def _record(each: _Chosen) -> dict[str, object]:
    return {
        "file": _file_name(each),
        "bus": each.device,
        "at": each.announced_at.isoformat(),
        "size_bytes": each.size_bytes,
        "width_px": each.width_px,
        "height_px": each.height_px,
        "blur": json.loads(each.blur),
    }
