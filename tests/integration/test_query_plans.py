# pyright: reportPrivateUsage=false
"""Each query of lists, cases, segments and tracks goes by its index; those of the map are tried with the map."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from rich.console import Console

from benchmarks.province import fill, fill_cases, fill_heard, fill_roads, fill_tracks
from busense.local.postgres import LocalPostgres
from cloud.api.live import _NEXT, Lane
from cloud.api.routes.cases import _DUE, _NEWEST, CaseQuestion
from cloud.api.routes.condition import _FOUND, _HISTORY, _LIST, _ONE, _PASSES, _STALE, _SURVEYS, _WORST, SegmentQuestion
from cloud.api.routes.network import _SEGMENTS as _GAPS
from cloud.cases.reading import _HISTORY as _CASE_HISTORY
from cloud.cases.views import CASE_BY_ID
from cloud.commands.trace import _STORED
from cloud.condition.evidence import NETWORK
from cloud.condition.passes import _POINTS
from cloud.driving.looks import _TRACK
from cloud.findings.views import FEATURES_BY_ID, PASSES
from cloud.fleet.network import HOURS, WAYS
from cloud.map import buses, condition, driving, findings, furniture, stops, tag_coverage
from cloud.map import cases as map_cases
from cloud.people.scope import EVERYTHING
from tests.conftest import create_database

BOX = "119.0,29.0,119.02,29.02"
AT = datetime(2026, 11, 24, tzinfo=UTC)
SOME = UUID("01928d0a-0000-7000-8000-000000000000")
FINDINGS, POINTS = 8000, 20_000

CASES = CaseQuestion(limit=200).values() | EVERYTHING.values()
SEGMENT = {"id": "000000000000000a", "ids": ["000000000000000a"], "by": "day", "usual_since": AT}
SEGMENTS = SegmentQuestion(bbox=BOX).box_values() | {"grades": None, "seen": False, "limit": 5000}
WORST = SegmentQuestion().box_values() | {"limit": 50}
STALE = WORST | {"before": AT, "reachable": False, "usual_since": AT}
OF_BUS = {"since": AT, "city": "bench", "device": "bus-1", "limit": 2000}
SHIFT = OF_BUS | {"from_at": AT, "to_at": AT + timedelta(hours=8), "sent_at": AT + timedelta(hours=9)}
WEEK = {"city": "bench", "since": datetime.now(UTC).date() - timedelta(days=6)}
GAPS = SegmentQuestion(bbox=BOX).box_values() | {"before": AT, "limit": 5000}
LAYER = EVERYTHING.values() | {
    **SegmentQuestion(bbox=BOX).box_values(),
    "city": "bench",
    "at": AT,
    "since": AT - timedelta(seconds=90),
    "until": AT,
    "day": AT.date(),
    "counted": ["coached"],
    "most": 3001,
    "rows": 20_000,
    "cells": 50_000,
}
WET = LAYER | {"wet_since": AT - timedelta(minutes=15)}
CHANGES = {"xid": "0", "id": 0, "limit": 500, "worker": "busense-work"}
# A hundred readers for two days.
WATCH = """
INSERT INTO travel_watch SELECT 'bench', 'bus-' || bus, at, at + interval '1 minute', true, '{8930e1d8a2bffff}', '[]'
FROM generate_series(1, 100) bus, generate_series(%(at)s - interval '1 day', %(at)s + interval '1 day', '5 minutes') at
"""
STOPS = """
INSERT INTO travel_stops SELECT 's' || n, 'Stop', 118 + n % 100 * 0.02, 28 + n / 100 * 0.02
FROM generate_series(1, 5000) n
"""
THINGS = """
INSERT INTO inventory.findings SELECT * FROM public.findings;
INSERT INTO inventory.things (id, city, kind, source, state, state_since, there, gone, hidden)
SELECT id, city, 'sign', 'learned', 'seen', first_seen_at, 1, 0, 0 FROM inventory.findings
"""

Query = tuple[LiteralString, dict[str, Any], str]
QUERIES: dict[str, Query] = {
    "one finding": (FEATURES_BY_ID, {"ids": [SOME]}, "findings_pkey"),
    "its cases": (FEATURES_BY_ID, {"ids": [SOME]}, "cases_finding_id_opened_at_idx"),
    "its passes": (PASSES, {"id": SOME}, "finding_passes_pkey"),
    "cases, newest": (_NEWEST, CASES, "cases_pkey"),
    "cases, due first": (_DUE, CASES, "cases_due_idx"),
    "open cases": ("SELECT FROM cases WHERE NOT is_ended(state)", {}, "cases_open_finding_id_idx"),
    "one case": (CASE_BY_ID, {"id": SOME}, "cases_pkey"),
    "its history": (_CASE_HISTORY, {"id": SOME}, "case_history_pkey"),
    "segments of a rectangle": (_LIST, SEGMENTS, "segments_box_idx"),
    "one segment": (_ONE, SEGMENT, "segments_pkey"),
    "its days": (_HISTORY, SEGMENT, "segment_history_pkey"),
    "its findings": (_FOUND, SEGMENT | EVERYTHING.values(), "segment_findings_segment_id_idx"),
    "looks at it": (_SURVEYS, SEGMENT, "segment_surveys_segment_id_to_at_idx"),
    "its usual passes": (_PASSES, SEGMENT, "segment_passes_pkey"),
    "segments along a track": (
        NETWORK,
        {side: [value] * 30 for side, value in SegmentQuestion(bbox=BOX).box_values().items()},
        "segments_box_idx",
    ),
    "worst segments": (_WORST, WORST, "segment_conditions_pci_estimate_idx"),
    "segments never looked at": (_STALE, STALE, "segments_unseen_idx"),
    "looked at long ago": (_STALE, STALE, "segment_conditions_last_looked_at_idx"),
    "points of a bus": (_POINTS, OF_BUS, "track_points_[0-9_]*pkey"),
    "where a bus was in a shift": (_TRACK, SHIFT, "track_points_[0-9a-z_]*pkey"),
    "ways of a week": (WAYS, WEEK, "heard_days_pkey"),
    "hours of a week": (HOURS, WEEK, "heard_days_pkey"),
    "segments nobody passed": (_GAPS, GAPS, "segments_box_idx"),
    "findings of the map then": (findings.DRAW, LAYER, "finding_history_place_idx"),
    "newest finding of the map": (findings.NEWEST, LAYER, "findings_last_seen_at_idx"),
    "newest thing of the map": (furniture.NEWEST, LAYER, "findings_last_seen_at_idx"),
    "newest harsh driving": (driving.NEWEST, LAYER, "driving_incidents_newest_idx"),
    "newest case of the map": (map_cases.NEWEST, LAYER, "cases_pkey"),
    "cases of the map": (map_cases.DRAW, LAYER, "cases_finding_id_opened_at_idx"),
    "their states then": (map_cases.DRAW, LAYER, "case_history_pkey"),
    "condition of the map": (condition.NOW, LAYER, "segments_box_idx"),
    "condition then": (condition.PAST, LAYER, "segment_history_pkey"),
    "buses of the map then": (buses.PAST, LAYER, "track_points_[0-9a-z_]*pkey"),
    "things of the map": (furniture.DRAW, LAYER, "findings_expr_idx|findings_point_idx|findings_place_idx"),
    "stops of the map": (stops.NAMED, LAYER, "travel_stops_place_idx"),
    "stops of the map then": (stops.EQUIPPED_THEN, WET, "stop_presence_pkey"),
    "their water then": (stops.EQUIPPED_THEN, WET, "measurements_[0-9a-z_]*idx"),
    "harsh driving of the map": (driving.DRAW, LAYER, "driving_incidents_place_idx"),
    "where tags are heard": (tag_coverage.DRAW, LAYER, "travel_watch_to_at_idx"),
    "what buses bring": (_NEXT[Lane.BUSES], CHANGES, "changes_pkey"),
    "what is decided": (_NEXT[Lane.DECIDED], CHANGES, "changes_decided_idx"),
    "where a message is": (
        _STORED.format(kind="track", table="track_points"),
        {"id": SOME, "id_at": AT},
        "track_points_[0-9_]*pkey",
    ),
}

# Buses tell a thousand times what is decided once.
TOLD = """
INSERT INTO changes (kind, subject, payload)
SELECT CASE WHEN n % 1000 = 0 THEN 'travel' ELSE 'bus' END, n::text, '{}' FROM generate_series(1, 5000) n
"""


@pytest.fixture(scope="module")
def filled(postgres: LocalPostgres, template_database: str) -> Iterator[psycopg.Connection]:
    """A small province with all there is in a large one, where going through a whole table never pays."""
    create_database(postgres, "filled_for_plans", template=template_database)
    url, console = postgres.url("filled_for_plans"), Console(quiet=True)
    fill(url, FINDINGS, random.Random(1), console)
    fill_cases(url)
    fill_roads(url)
    fill_heard(url)
    fill_tracks(url, POINTS, console)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(WATCH, {"at": AT})
        connection.execute(STOPS)
        connection.execute(THINGS)
        connection.execute(TOLD)
        connection.execute("ANALYZE")
        connection.execute("SET enable_seqscan = off")
        yield connection


@pytest.mark.parametrize("name", QUERIES)
def test_query_goes_by_its_index(filled: psycopg.Connection, name: str) -> None:
    statement, values, index = QUERIES[name]
    plan = "\n".join(line for (line,) in filled.execute("EXPLAIN " + statement, values))
    assert re.search(rf"\b{index}\b", plan), plan
