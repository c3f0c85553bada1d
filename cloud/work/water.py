"""Water in the worker: levels that stops measured become a flood, its case, and the proof that it has gone."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from cloud.cases.actions import CaseActions
from cloud.cases.handling import Handling
from cloud.cases.lifecycle import ENDED
from cloud.cases.model import Actor, Role
from cloud.cases.repository import CaseOfFinding, newest_cases
from cloud.db.aside import Kind, do_apart
from cloud.db.value import fetch_value
from cloud.findings.catalogue import Catalogue
from cloud.findings.model import FindingState, PassKind, Severity
from cloud.observations.tables import cell_of
from cloud.scenarios.stop_water.assess import Gauge, Level, assess, severity_of
from cloud.scenarios.stop_water.rules import GaugeRules, WaterRules
from cloud.work.hands import keep_at, utc_now
from cloud.work.proposals import settle, tell_findings
from wire.envelope import make_id

ACTOR: Final = Actor(name="system:stops", role=Role.SYSTEM)
CLASS: Final = "FLOOD"
BATCH: Final = 200
POLL_S: Final = 1.0
PASS_EVERY: Final = timedelta(minutes=10)
"""So often a gauge counts as having looked: as a bus that passes."""
SURE: Final = 0.99  # of a gauge that measures centimetres
_SIGMA_M: Final = 5.0

_TAKE: Final = """
WITH taken AS (
    DELETE FROM measurement_queue q USING (
        SELECT id_at, city, device, id FROM measurement_queue ORDER BY id_at LIMIT %s
    ) n WHERE q.id_at = n.id_at AND q.city = n.city AND q.device = n.device AND q.id = n.id
    RETURNING q.id_at, q.city, q.device, q.id
)
SELECT m.city, m.device, m.id, m.id_at, m.sensor, m.at, m.over_s, m.value AS level_m, m.lon, m.lat
FROM taken JOIN measurements m USING (id_at, city, device, id)
WHERE m.quantity = 'water_level_m' AND m.clock_mark IS NULL ORDER BY m.at, m.number
"""
# Two workers would each find a flood, or one would take what is newer while the other still holds what is older.
_LOCK_QUEUE: Final = "SELECT pg_advisory_xact_lock(hashtextextended('busense.water', 0))"
_READ_GAUGE: Final = """
SELECT finding_id, is_flooded, above_since, below_since, level_m, level_at FROM water_gauges
WHERE city = %(city)s AND device = %(device)s AND sensor = %(sensor)s
"""
_PUT_GAUGE: Final = """
INSERT INTO water_gauges (city, device, sensor, finding_id, is_flooded, above_since, below_since, level_m, level_at)
VALUES (%(city)s, %(device)s, %(sensor)s, %(finding_id)s, %(is_flooded)s, %(above_since)s, %(below_since)s, %(level_m)s,
    %(level_at)s)
ON CONFLICT ON CONSTRAINT water_gauges_pkey DO UPDATE SET finding_id = EXCLUDED.finding_id,
    is_flooded = EXCLUDED.is_flooded, above_since = EXCLUDED.above_since, below_since = EXCLUDED.below_since,
    level_m = EXCLUDED.level_m, level_at = EXCLUDED.level_at
"""
_LET_GO: Final = """
WITH let_go AS (
    UPDATE water_gauges g SET is_flooded = false, above_since = NULL, below_since = NULL FROM devices d
    WHERE g.is_flooded AND d.city = g.city AND d.device = g.device AND d.revoked_at IS NOT NULL
    RETURNING g.finding_id
)
UPDATE findings f SET state = 'gone', existence = 0 FROM let_go WHERE f.id = let_go.finding_id RETURNING f.id
"""
_PUT_FINDING: Final = """
INSERT INTO findings (id, city, cell, class_code, severity, state, existence, lon, lat, east_m2, east_north_m2,
    north_m2, position_sigma_m, heading_deg, passes_seen, passes_missed, first_seen_at, last_seen_at, looked_lon,
    looked_lat, scenario)
VALUES (%(id)s, %(city)s, %(cell)s, %(class_code)s, %(severity)s, %(state)s, %(existence)s, %(lon)s, %(lat)s,
    %(sigma_m)s ^ 2, 0, %(sigma_m)s ^ 2, %(sigma_m)s, 0, %(seen)s, %(missed)s, %(at)s, %(at)s, %(lon)s, %(lat)s,
    'stop_water')
ON CONFLICT ON CONSTRAINT findings_pkey DO UPDATE SET severity = EXCLUDED.severity, state = EXCLUDED.state,
    existence = EXCLUDED.existence, passes_seen = findings.passes_seen + EXCLUDED.passes_seen,
    passes_missed = findings.passes_missed + EXCLUDED.passes_missed,
    last_seen_at = CASE WHEN EXCLUDED.passes_seen > 0 THEN EXCLUDED.last_seen_at ELSE findings.last_seen_at END
"""
_ADD_LOOK: Final = """
INSERT INTO finding_passes (finding_id, at, city, device, kind, looked_share, probability_before, probability_after)
VALUES (%s, %s, %s, %s, %s, 1, %s, %s) ON CONFLICT DO NOTHING
"""
_LOOKED_AT: Final = "SELECT max(at) FROM finding_passes WHERE finding_id = %s AND city = %s AND device = %s"
_STANDS: Final = "SELECT state, severity, existence FROM findings WHERE id = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """A level in the queue."""

    city: str
    device: str
    id: UUID
    id_at: datetime
    sensor: str
    at: datetime
    over_s: float
    level_m: float
    lon: float
    lat: float

    @property
    def level(self) -> Level:
        return Level(from_at=self.at - timedelta(seconds=self.over_s), at=self.at, level_m=self.level_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterDesk:
    """Takes levels, within the caller's transaction."""

    actions: CaseActions
    rules: WaterRules

    def take_next(self) -> int:
        """Take what waits; returns how many levels it was."""
        connection = self.actions.connection
        connection.execute(_LOCK_QUEUE)
        with connection.cursor(row_factory=class_row(_Measured)) as cursor:
            levels = cursor.execute(_TAKE, (BATCH,)).fetchall()
        do_apart(connection, levels, self._take_all, kind=Kind.WATER, subject_of=_subject_of)
        return len(levels)

    def let_go(self) -> None:
        """End the floods of gauges that are let in no longer; their cases stay with people: silence is not dryness."""
        for (finding_id,) in self.actions.connection.execute(_LET_GO).fetchall():
            tell_findings(self.actions, [finding_id])

    def _take_all(self, levels: Sequence[_Measured]) -> None:
        for level in levels:
            self._take(level)

    def _take(self, measured: _Measured) -> None:
        key = {"city": measured.city, "device": measured.device, "sensor": measured.sensor}
        with self.actions.connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(_READ_GAUGE, key).fetchone()
        finding_id = None if row is None else row.pop("finding_id")
        before = None if row is None else Gauge(**row)
        rules = self.rules.of(device=measured.device, sensor=measured.sensor)
        after = assess(before, measured.level, rules=rules)
        if after is before:  # it came late
            return
        if after.is_flooded and finding_id is None:
            finding_id = UUID(make_id(measured.at))
        self.actions.connection.execute(_PUT_GAUGE, key | asdict(after) | {"finding_id": finding_id})
        if finding_id is not None:
            self._tell(finding_id, measured, after, rules=rules)

    def _tell(self, finding_id: UUID, measured: _Measured, gauge: Gauge, *, rules: GaugeRules) -> None:
        """Write what changed of the finding, a look now and then, and what follows for its case."""
        connection = self.actions.connection
        stands = connection.execute(_STANDS, (finding_id,)).fetchone()
        case = newest_cases(connection, [finding_id]).get(finding_id)
        severity = severity_of(gauge.level_m, rules=rules)
        state = FindingState.OPEN if gauge.is_flooded else FindingState.GONE
        is_new = stands is None or stands[0] != state
        is_worse = stands is not None and gauge.is_flooded and severity is Severity.HEAVY and stands[1] != severity
        is_look_due = self._is_look_due(finding_id, measured, gauge, case)
        if not (is_new or is_worse or is_look_due):
            return
        existence = SURE if gauge.is_flooded else 1 - SURE
        connection.execute(
            _PUT_FINDING,
            {
                "id": finding_id,
                "city": measured.city,
                "cell": cell_of(lon=measured.lon, lat=measured.lat),
                "class_code": CLASS,
                "severity": severity if gauge.is_flooded or stands is None else stands[1],
                "state": state,
                "existence": existence,
                "lon": measured.lon,
                "lat": measured.lat,
                "sigma_m": _SIGMA_M,
                "seen": int(gauge.is_flooded),
                "missed": int(not gauge.is_flooded),
                "at": measured.at,
            },
        )
        kind = PassKind.SEEN if gauge.is_flooded else PassKind.NOT_SEEN
        before = 0.0 if stands is None else stands[2]
        connection.execute(
            _ADD_LOOK, (finding_id, measured.at, measured.city, measured.device, kind, before, existence)
        )
        settle(self.actions, [finding_id])

    def _is_look_due(self, finding_id: UUID, measured: _Measured, gauge: Gauge, case: CaseOfFinding | None) -> bool:
        """While there is a flood, or a case of one, the gauge looks at it."""
        if not gauge.is_flooded and (case is None or case.state in ENDED):
            return False
        key = (finding_id, measured.city, measured.device)
        looked_at = fetch_value(self.actions.connection, _LOOKED_AT, key)
        return looked_at is None or measured.at - looked_at >= PASS_EVERY


def look_after_water(
    url: str, rules: WaterRules, catalogue: Catalogue, handling: Handling, stop: threading.Event
) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""

    def follow(connection: Connection[Any]) -> None:
        while not stop.is_set():
            note_water(connection, rules=rules, catalogue=catalogue, handling=handling, now=utc_now)
            stop.wait(POLL_S)

    keep_at("water", follow, url=url, stop=stop)


def note_water(
    connection: Connection[Any],
    *,
    rules: WaterRules,
    catalogue: Catalogue,
    handling: Handling | None,
    now: Callable[[], datetime],
) -> int:
    """Take everything that waits; returns how many levels it was. The connection is in autocommit."""
    count = 0
    while True:
        with connection.transaction():
            actions = CaseActions(connection=connection, catalogue=catalogue, handling=handling, actor=ACTOR, at=now())
            desk = WaterDesk(actions=actions, rules=rules)
            taken = desk.take_next()
            if taken == 0:
                desk.let_go()
                return count
        count += taken


def _subject_of(measured: _Measured) -> dict[str, str]:
    return {
        "city": measured.city,
        "device": measured.device,
        "id": str(measured.id),
        "id_at": measured.id_at.isoformat(),
    }
