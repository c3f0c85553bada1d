"""From what buses saw beside the road to an inventory, its problems and their cases."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from PIL import Image
from psycopg import Connection, IsolationLevel
from shapely import box

from cloud.cases.audit import verify
from cloud.cases.handling import load_handling
from cloud.condition.rules import load_rules
from cloud.condition.step import update_conditions
from cloud.db.pool import connect
from cloud.findings.evidence import WINDOW
from cloud.furniture.decisions import keep, remove
from cloud.furniture.features import Feature, Refused
from cloud.furniture.imports import Imported, import_features
from cloud.furniture.schema import meaning_inventory_throughout
from cloud.people.scope import EVERYTHING, Scope
from cloud.roads.imports import import_roads
from cloud.roads.model import Road
from cloud.roads.segments import join_roads
from cloud.scenarios.street_furniture.kinds import Kinds, load_kinds
from cloud.work.furniture import Judge, look_at_pictures
from cloud.work.service import drain
from cloud.work.trim_findings import trim_findings
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import AT, CITY

KINDS = load_kinds()
HOURS = 60.0  # minutes
SPOTS = {"first": -10.0, "second": 0.0, "third": 12.0}  # metres north, all beside one stretch


@dataclass
class Street:
    """A street with things beside it, and buses that pass."""

    town: Town
    kinds: Kinds = KINDS

    def imports(self, *features: Feature | Refused, file: str = "list.geojson", scope: Scope = EVERYTHING) -> Imported:
        with connect(self.town.url) as connection:
            return import_features(connection, features, city=CITY, file=file, kinds=self.kinds, at=AT, scope=scope)

    def passes(self, seen: Sequence[str], *, bus: str, hours: float, sha256: str | None = None) -> None:
        """Let a bus go by with a good view; it sees some of the things, and takes a picture of them."""
        for name in seen:
            self.town.sees(
                bus=bus,
                minutes=hours * HOURS,
                east_m=4.0,
                north_m=SPOTS[name],
                class_code="SIGN",
                along_m=1.5,
                across_m=1.0,
                box_xyxy_px=[16, 16, 80, 80],
                frame_width_px=96,
                frame_height_px=96,
                picture=None if sha256 is None else announced(sha256),
            )
        self.town.looks(bus=bus, minutes=hours * HOURS + 0.1, right_m=8.0, looked_for=["SIGN", "POLE"])

    def work(self) -> None:
        self.town.store()
        with connect(self.town.url, autocommit=True) as connection:
            drain(connection, catalogue=self.town.catalogue, kinds=self.kinds, now=lambda: datetime.now(UTC))
            self.judge(connection)

    def judge(self, connection: Connection[Any]) -> int:
        return Judge(
            connection=connection,
            kinds=self.kinds,
            catalogue=self.town.catalogue,
            handling=load_handling(),
            now=lambda: datetime.now(UTC),
        ).run()

    def things(self) -> list[dict[str, Any]]:
        return self.town.rows(
            "SELECT t.*, f.lat FROM inventory.things t JOIN inventory.findings f ON f.id = t.id ORDER BY f.lat"
        )

    def named(self, reference: str) -> UUID:
        return self.town.rows("SELECT id FROM inventory.things WHERE reference = %s", reference)[0]["id"]

    def states(self) -> list[str]:
        return [thing["state"] for thing in self.things()]

    def cases(self) -> list[tuple[str, str]]:
        rows = self.town.rows("SELECT class_code, state FROM cases ORDER BY opened_at")
        return [(case["class_code"], case["state"]) for case in rows]

    def learns_all(self) -> None:
        for number in range(4):
            self.passes(list(SPOTS), bus=f"bus-{number % 2 + 1}", hours=2.0 * number)
        self.work()

    def goes_on(self, seen: Sequence[str], *, count: int, first_hour: float = 10.0) -> None:
        for number in range(count):
            self.passes(seen, bus=f"bus-{number % 3 + 1}", hours=first_hour + 2.0 * number)
        self.work()


def announced(sha256: str) -> dict[str, Any]:
    blur = {"detector": "faces", "version": "1", "faces": 0, "plates": 0, "threshold": 0.5}
    picture = {"sha256": sha256, "size_bytes": 100, "media_type": "image/jpeg", "width_px": 96, "height_px": 96}
    return picture | {"blur": blur}


def picture_of(*, bar: bool) -> bytes:
    """A red disc on a wall; after the accident it is a grey bar."""
    rows, columns = np.indices((96, 96)) - 48
    pixels = np.full((96, 96, 3), 120, np.uint8)
    pixels[(abs(columns) < 5) if bar else (rows**2 + columns**2 < 26**2)] = (60, 60, 60) if bar else (200, 20, 20)
    kept = io.BytesIO()
    Image.fromarray(pixels).save(kept, "PNG")
    return kept.getvalue()


def sign(
    spot: str, *, east_m: float = 4.0, number: int = 1, reference: str | None = None, name: str | None = None
) -> Feature:
    lon, lat = place(east_m, SPOTS[spot])
    return Feature(
        number=number,
        kind="SIGN",
        lon=lon,
        lat=lat,
        accuracy_m=1.0,
        reference=reference or spot,
        name=name,
        faces_deg=180.0,
    )


# Something was the matter with it once.
MISSED = """
WITH found AS (
    INSERT INTO public.findings SELECT (jsonb_populate_record(f, jsonb_build_object('id', gen_random_uuid(),
        'state', 'gone', 'class_code', 'SIGN_MISSING', 'scenario', 'street_furniture'))).*
    FROM inventory.findings f WHERE id = %s RETURNING id
)
INSERT INTO inventory.problems SELECT %s, 'missing', id FROM found
"""


def faults(street: Street) -> tuple[str, ...]:
    """What is wrong with the histories of the street."""
    with connect(street.town.url) as connection:
        connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        return verify(connection, at=datetime.now(UTC)).faults


@pytest.fixture
def street(database: str) -> Street:
    return Street(Town(url=database))


def test_what_buses_see_again_and_again_is_learned(street: Street) -> None:
    street.learns_all()
    assert [(thing["state"], thing["source"]) for thing in street.things()] == [("seen", "learned")] * 3
    assert street.town.findings() == []  # a sign is no damage of the road


def test_what_one_bus_saw_once_is_no_thing(street: Street) -> None:
    street.passes(["first"], bus="bus-1", hours=0)
    street.work()
    assert street.things() == []


def test_sign_that_nobody_sees_any_more_is_missing_and_becomes_a_case(street: Street) -> None:
    street.learns_all()
    street.goes_on(["first", "third"], count=10)
    assert street.states() == ["seen", "missing", "seen"]
    (finding,) = street.town.findings()
    assert (finding["class_code"], finding["state"], finding["scenario"]) == (
        "SIGN_MISSING",
        "open",
        "street_furniture",
    )
    assert finding["passes_seen"] == 10
    assert street.cases() == [("SIGN_MISSING", "reported")]


def test_missing_sign_lowers_the_index_of_facilities_of_its_segment_and_of_no_other(street: Street) -> None:
    """By 0.25 times 20, as the standard has it."""
    with connect(street.town.url) as connection:
        line = (place(0.0, -100.0), place(0.0, 100.0))
        import_roads(connection, join_roads([Road(id="main", name="Main", kind="residential", line=line)]), at=AT)
    street.learns_all()
    street.goes_on(["first", "third"], count=10)
    with connect(street.town.url, autocommit=True) as connection:
        update_conditions(connection, rules=load_rules(), now=lambda: datetime.now(UTC))
    rows = street.town.rows("SELECT tci_estimate, tci_low, things FROM segment_conditions WHERE things > 0 ORDER BY 1")
    assert rows[0]["tci_estimate"] == pytest.approx(95.0)
    assert {row["tci_estimate"] for row in rows[1:]} <= {100.0}
    assert sum(row["things"] for row in rows) == len(SPOTS)


def test_sign_that_goes_together_with_its_neighbours_is_hidden(street: Street) -> None:
    street.learns_all()
    street.goes_on([], count=14)
    assert "hidden" in street.states()
    assert "missing" not in street.states()


def test_sign_that_shows_again_ends_its_case(street: Street) -> None:
    street.learns_all()
    street.goes_on(["first", "third"], count=10)
    street.goes_on(list(SPOTS), count=6, first_hour=40.0)
    assert street.states() == ["seen"] * 3
    assert street.town.findings()[0]["state"] == "gone"
    assert street.cases() == [("SIGN_MISSING", "rejected")]


def test_look_for_damage_alone_says_nothing_of_signs(street: Street) -> None:
    street.learns_all()
    for number in range(12):
        street.town.looks(bus="bus-3", minutes=(10.0 + 2 * number) * HOURS, right_m=8.0)
    street.work()
    assert street.states() == ["seen"] * 3


def test_look_for_signs_says_nothing_of_damage(street: Street) -> None:
    street.town.sees(bus="bus-1")
    street.town.sees(bus="bus-2", minutes=10)
    street.goes_on([], count=10)
    assert street.town.findings()[0]["passes_missed"] == 0


def test_imported_sign_is_expected_then_seen(street: Street) -> None:
    came = street.imports(sign("first"), sign("second", number=2))
    assert (came.added, came.known, came.refused) == (2, 0, ())
    street.passes(["first"], bus="bus-1", hours=1)
    street.work()
    assert street.states() == ["seen", "expected"]


def test_imported_sign_that_never_stood_there_is_missing(street: Street) -> None:
    street.imports(sign("first"), sign("second", number=2), sign("third", number=3))
    street.goes_on(["first", "third"], count=10, first_hour=1.0)
    assert street.states() == ["seen", "missing", "seen"]


def test_list_that_comes_again_adds_nothing_and_renames(street: Street) -> None:
    street.imports(sign("first"))
    came = street.imports(sign("first", name="Stop"))
    assert (came.added, came.known) == (0, 1)
    assert [thing["name"] for thing in street.things()] == ["Stop"]


def test_known_sign_elsewhere_and_one_named_twice_are_refused_with_the_reason(street: Street) -> None:
    street.imports(sign("first"))
    came = street.imports(
        sign("first", east_m=40.0),
        sign("second", number=2),
        sign("third", number=3, reference="second"),
        Refused(number=4, reason="kind: none", feature="{}"),
    )
    assert [refused.number for refused in came.refused] == [1, 3, 4]
    rows = street.town.rows("SELECT reason FROM inventory.refused ORDER BY number")
    assert [row["reason"] for row in rows] == [
        "id: 'first' is known 36 m from there; give it a new id",
        "id: 'second' stands twice in this file",
        "kind: none",
    ]


def test_who_is_limited_to_areas_is_not_told_where_else_an_id_is_known(street: Street) -> None:
    street.imports(sign("first"))
    elsewhere = Scope(areas=(box(0.0, 0.0, 1.0, 1.0),))
    for changed in (sign("first", east_m=40.0), replace(sign("first"), kind="BIN")):
        (refused,) = street.imports(changed, scope=elsewhere).refused
        assert refused.reason == "id: 'first' is taken; give it a new id"


def test_list_without_ids_adds_nothing_when_it_comes_again_and_a_place_once(street: Street) -> None:
    nameless = replace(sign("first"), reference=None)
    came = street.imports(nameless, replace(nameless, number=2))
    assert (came.added, came.known, [each.number for each in came.refused]) == (1, 0, [2])
    assert "twice in this file" in came.refused[0].reason
    street.goes_on(["first"], count=3)
    came = street.imports(replace(nameless, name="Stop"))
    assert (came.added, came.known) == (0, 1)
    assert [(thing["name"], thing["state"]) for thing in street.things()] == [("Stop", "seen")]


def test_what_a_list_told_is_known_however_often_buses_saw_it_since(street: Street) -> None:
    nameless = replace(sign("first"), reference=None)
    street.imports(nameless)
    street.town.change(
        """
        INSERT INTO inventory.finding_observations SELECT (jsonb_populate_record(o, jsonb_build_object(
            'device', 'bus-1', 'observation_id', gen_random_uuid(), 'at', o.at + n * interval '1 hour'))).*
        FROM inventory.finding_observations o, generate_series(1, %s) n""",
        WINDOW,
    )
    with connect(street.town.url, autocommit=True) as connection, meaning_inventory_throughout(connection):
        trim_findings(connection, keep=400)
    assert street.imports(nameless).known == 1


def test_learned_sign_that_a_list_brings_later_is_one_thing(street: Street) -> None:
    street.learns_all()
    street.imports(sign("second"))
    street.goes_on(list(SPOTS), count=3)
    assert [(thing["source"], thing["state"]) for thing in street.things()] == [
        ("learned", "seen"),
        ("imported", "seen"),
        ("learned", "seen"),
    ]


def test_sign_that_a_person_removed_is_no_case_until_it_is_taken_back(street: Street) -> None:
    street.learns_all()
    street.goes_on(["first", "third"], count=10)
    thing = street.things()[1]
    with connect(street.town.url) as connection:
        remove(connection, thing["id"], actor="desk", reason="road closed", at=datetime.now(UTC))
    street.work()
    assert street.states() == ["seen", "removed", "seen"]
    assert street.cases() == [("SIGN_MISSING", "rejected")]
    with connect(street.town.url) as connection:
        keep(connection, thing["id"], actor="desk", reason="it stands again", at=datetime.now(UTC))
    street.work()
    assert street.states() == ["seen", "missing", "seen"]


def test_thing_of_which_a_person_is_just_saying_something_is_judged_afterwards(street: Street) -> None:
    """It was due already: the worker must not judge it as it was before, and forget that it is due."""
    street.imports(sign("first"))
    thing = street.named("first")
    with connect(street.town.url) as person, connect(street.town.url, autocommit=True) as worker:
        worker.execute("SET lock_timeout = '1s'")
        remove(person, thing, actor="desk", reason="moved", at=datetime.now(UTC))
        assert street.judge(worker) == 0
        person.commit()
        assert street.judge(worker) == 1
    assert street.states() == ["removed"]


def test_learned_sign_that_was_removed_stays_so_when_a_list_brings_it(street: Street) -> None:
    street.learns_all()
    with connect(street.town.url) as connection:
        remove(connection, street.things()[1]["id"], actor="desk", reason="road closed", at=datetime.now(UTC))
    street.imports(sign("second"))
    street.goes_on(["first", "third"], count=3)
    told = [(thing["source"], thing["state"], thing["removed_by"]) for thing in street.things()]
    assert told == [("learned", "seen", None), ("imported", "removed", "desk"), ("learned", "seen", None)]
    assert faults(street) == ()


MERGES = tuple(product(("imported", "learned"), ("imported", "learned"), ("part", "whole", "both"), (False, True)))


def test_what_a_person_removed_stays_so_as_a_part_of_another_until_it_is_taken_back(street: Street) -> None:
    """Whichever of two that are one is imported, removed, or was missed before; and when they come apart again."""
    pairs = [
        [sign(spot, east_m=4.0 + 100.0 * number, reference=f"{number} {spot}") for spot in ("first", "third")]
        for number in range(len(MERGES))
    ]
    street.imports(*(each for pair in pairs for each in pair))
    wholes: list[UUID] = []
    for number, (*sources, which, is_missed) in enumerate(MERGES):
        part, whole = (street.named(f"{number} {spot}") for spot in ("first", "third"))
        wholes.append(whole)
        for thing, source in zip((part, whole), sources, strict=True):
            street.town.change("UPDATE inventory.things SET source = %s WHERE id = %s", source, thing)
            if is_missed:
                street.town.change(MISSED, thing, thing)
        for thing in {"part": [part], "whole": [whole], "both": [part, whole]}[which]:
            with connect(street.town.url) as connection:
                remove(connection, thing, actor="desk", reason=which, at=datetime.now(UTC))
        street.town.change("UPDATE inventory.findings SET merged_into = %s WHERE id = %s", whole, part)
        street.town.change("INSERT INTO inventory.due VALUES (%s) ON CONFLICT DO NOTHING", part)
    street.work()
    removed = "SELECT id, removed_by, removed_reason AS why FROM inventory.things WHERE state = 'removed' ORDER BY id"
    told = [tuple(row.values()) for row in street.town.rows(removed)]
    assert told == sorted((whole, "desk", which) for whole, (_, _, which, _) in zip(wholes, MERGES, strict=True))
    assert faults(street) == ()

    street.town.change("UPDATE inventory.findings SET merged_into = NULL")
    street.town.change("INSERT INTO inventory.due SELECT id FROM inventory.findings")
    street.work()
    assert [tuple(row.values()) for row in street.town.rows(removed)] == told
    assert faults(street) == ()
    for whole in wholes:
        with connect(street.town.url) as connection:
            keep(connection, whole, actor="desk", reason="it stands", at=datetime.now(UTC))
    street.work()
    assert "removed" not in street.states()
    assert faults(street) == ()


SOURCES = ("imported", "learned")
THREE = tuple(product(SOURCES, SOURCES, ("learned", None), SPOTS))  # two, what they become, and which was removed


def test_two_that_become_a_third_at_once_are_that_one_with_what_a_person_removed(street: Street) -> None:
    names = [[f"{number} {spot}" for spot in SPOTS] for number in range(len(THREE))]
    street.imports(
        *(
            sign(spot, east_m=4.0 + 100.0 * number, reference=reference)
            for number, references in enumerate(names)
            for spot, reference in zip(SPOTS, references, strict=True)
        )
    )
    removed: list[UUID] = []
    for references, (*sources, removed_spot) in zip(names, THREE, strict=True):
        things = dict(zip(SPOTS, map(street.named, references), strict=True))
        *parts, whole = things.values()
        street.town.change("UPDATE inventory.findings SET merged_into = %s WHERE id = ANY(%s)", whole, parts)
        for thing, source in zip(things.values(), sources, strict=True):
            if source is None:
                street.town.change("DELETE FROM inventory.things WHERE id = %s", thing)
            else:
                street.town.change("UPDATE inventory.things SET source = %s WHERE id = %s", source, thing)
        if sources[-1] is not None or removed_spot != "third":
            removed.append(whole)
            with connect(street.town.url) as connection:
                remove(connection, things[removed_spot], actor="desk", reason="moved", at=datetime.now(UTC))
    street.work()
    told = street.town.rows("SELECT id FROM inventory.things WHERE state = 'removed' ORDER BY id")
    assert [row["id"] for row in told] == sorted(removed)
    assert faults(street) == ()


def test_sign_that_looks_different_from_now_on_is_damaged_and_its_pictures_are_in_the_case(street: Street) -> None:
    pictures = {"a" * 64: picture_of(bar=False), "b" * 64: picture_of(bar=True)}
    for number in range(12):
        street.passes(["first"], bus=f"bus-{number % 2 + 1}", hours=2.0 * number, sha256="ab"[number >= 5] * 64)
    street.work()
    street.town.change("UPDATE pictures SET received_at = now()")
    with connect(street.town.url, autocommit=True) as connection:
        while look_at_pictures(connection, pictures.__getitem__, at=AT + timedelta(days=1)):
            pass
        street.judge(connection)
    assert street.states() == ["damaged"]
    assert street.cases() == [("SIGN_DAMAGED", "reported")]
    assert street.town.rows("SELECT count(*) AS n FROM case_sightings")[0]["n"] == 7


def test_misses_within_one_hour_are_no_loss(street: Street) -> None:
    street.learns_all()
    for number in range(12):
        street.passes(["first", "third"], bus=f"bus-{number % 3 + 1}", hours=10.0 + number / 12)
    street.work()
    assert street.states() == ["seen"] * 3


def test_one_pass_more_changes_only_what_it_tells(street: Street) -> None:
    street.learns_all()
    before = street.things()
    street.work()
    assert street.things() == before
    assert street.town.rows("SELECT * FROM inventory.due") == []


def test_inventory_has_the_columns_of_the_fusion(street: Street) -> None:
    """The same statements run in both schemas."""
    columns = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = %s"
    ours = {tuple(row.values()) for row in street.town.rows(columns, "inventory")}
    for table in ("findings", "finding_observations", "finding_looks", "finding_passes"):
        theirs = {tuple(row.values()) for row in street.town.rows(columns + " AND table_name = %s", "public", table)}
        assert theirs == {row for row in ours if row[0] == table}
