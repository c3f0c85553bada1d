"""A model that looks on beside the one in use: put there, taken away, and what it saw otherwise."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncCursor, Connection
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from cloud.db.value import fetch_value
from cloud.errors import DeviceNotFoundError, RollOutError
from cloud.fleet.log import note
from cloud.fleet.wishes import SHADOW, SHADOW_SHARE, wish
from wire.messages import ShadowClass, ShadowReport
from wire.package import PackageKind

_RELEASE: Final = "SELECT kind FROM releases WHERE sha256 = %s"
_LOOKING_ON: Final = """
SELECT city, device FROM device_wishes WHERE settings ->> 'package.shadow' = %s ORDER BY city, device
"""
# Only of a bus that was told to: nobody else's word on a release counts.
_NOTE: Final = """
INSERT INTO shadow_reports AS s (release, city, device, run, at, report)
SELECT n.release, n.city, n.device, n.run, n.at, n.report
FROM jsonb_to_recordset(%s) AS n(release text, city text, device text, run uuid, at timestamptz, report jsonb)
JOIN device_wishes w ON w.city = n.city AND w.device = n.device AND w.settings ->> 'package.shadow' = n.release
ORDER BY n.release, n.city, n.device, n.run
ON CONFLICT ON CONSTRAINT shadow_reports_pkey DO UPDATE SET at = EXCLUDED.at, report = EXCLUDED.report
WHERE EXCLUDED.at >= s.at
"""
_REPORTS: Final = "SELECT city, device, report FROM shadow_reports WHERE release = %s ORDER BY city, device, run"
_FRAMES: Final = "SELECT coalesce(sum((report ->> 'frames')::bigint), 0) FROM shadow_reports WHERE release = %s"
_REPORT: Final = TypeAdapter(ShadowReport)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one bus reports of a run."""

    city: str
    device: str
    at: datetime
    report: ShadowReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowSum:
    """All that a new model saw on all buses; times are averages over the frames, in seconds."""

    buses: int
    frames: int
    dropped: int
    failed: int
    old_s: float
    new_s: float
    classes: dict[str, ShadowClass]


def sum_up(reports: Iterable[tuple[str, ShadowReport]]) -> ShadowSum:
    """Sum up reports, each with the name of its bus: pure."""
    known = list(reports)
    frames = sum(report.frames for _, report in known)
    classes: defaultdict[str, list[ShadowClass]] = defaultdict(list)
    for _, report in known:
        for code, counts in report.classes.items():
            classes[code].append(counts)
    return ShadowSum(
        buses=len({device for device, _ in known}),
        frames=frames,
        dropped=sum(report.dropped for _, report in known),
        failed=sum(report.failed for _, report in known),
        old_s=sum(report.old_s * report.frames for _, report in known) / max(frames, 1),
        new_s=sum(report.new_s * report.frames for _, report in known) / max(frames, 1),
        classes={code: _sum_of(counts) for code, counts in sorted(classes.items())},
    )


def let_look_on(
    connection: Connection[Any],
    release: str,
    devices: Sequence[str],
    *,
    share: float,
    city: str,
    actor: str,
    at: datetime,
) -> None:
    """Let a model look on beside those in use on these buses, in the caller's transaction.

    Raises:
        RollOutError: there is no such release or bus, or it is no model.
    """
    if fetch_value(connection, _RELEASE, (release,)) != PackageKind.MODEL:
        raise RollOutError(f"there is no model {release}")
    for device in sorted(devices):  # as a roll-out takes them: two do not lock crosswise
        try:
            wish(connection, {SHADOW: release, SHADOW_SHARE: share}, city=city, device=device, actor=actor, at=at)
        except DeviceNotFoundError as error:
            raise RollOutError(str(error)) from error
    note(connection, at=at, actor=actor, action="shadow", details={"release": release, "buses": len(devices)})


def end_looking_on(connection: Connection[Any], release: str, *, actor: str, at: datetime) -> int:
    """Take a model away from where it only looks on, in the caller's transaction; on how many buses it was."""
    found = connection.execute(_LOOKING_ON, (release,)).fetchall()
    for city, device in found:
        wish(connection, {SHADOW: None, SHADOW_SHARE: None}, city=city, device=device, actor=actor, at=at)
    return len(found)


def looking_on(connection: Connection[Any], release: str) -> list[str]:
    """Buses on which a model looks on, or is to."""
    return [device for _, device in connection.execute(_LOOKING_ON, (release,)).fetchall()]


def frames_seen(connection: Connection[Any], release: str) -> int:
    """How many frames a model has looked at beside the ones in use."""
    return int(fetch_value(connection, _FRAMES, (release,)))


def what_it_saw(connection: Connection[Any], release: str) -> ShadowSum:
    """All that a model saw so far."""
    rows = connection.execute(_REPORTS, (release,)).fetchall()
    return sum_up((f"{city}/{device}", _REPORT.validate_python(report)) for city, device, report in rows)


async def note_seen(cursor: AsyncCursor[Any], seen: Iterable[Seen]) -> None:
    """Keep the newest report of each run; batches come again and in any order."""
    newest: dict[tuple[str, str, str, str], Seen] = {}
    for each in seen:
        key = (each.report.package, each.city, each.device, each.report.run)
        if key not in newest or newest[key].at <= each.at:
            newest[key] = each
    if newest:
        await cursor.execute(_NOTE, (Jsonb([_record(each) for each in newest.values()]),))


def _record(seen: Seen) -> dict[str, object]:
    return {
        "release": seen.report.package,
        "city": seen.city,
        "device": seen.device,
        "run": seen.report.run,
        "at": seen.at.isoformat(),
        "report": asdict(seen.report),
    }


def _sum_of(counts: Iterable[ShadowClass]) -> ShadowClass:
    known = list(counts)
    return ShadowClass(
        agreeing=sum(each.agreeing for each in known),
        only_old=sum(each.only_old for each in known),
        only_new=sum(each.only_new for each in known),
    )
