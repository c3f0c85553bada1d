"""From stored messages to findings and cases."""

import random

import pytest

from cloud.cases.chain import CASES
from cloud.cases.model import first_broken_line
from cloud.db.pool import connect
from tests.integration.town import BUSES, Town, beliefs


@pytest.fixture
def town(database: str) -> Town:
    return Town(url=database)


def test_two_buses_that_see_one_thing_make_one_open_finding(town: Town) -> None:
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10, north_m=2)
    town.store()

    assert town.work() == 2
    (finding,) = town.findings()
    assert (finding["state"], finding["passes_seen"], finding["passes_missed"]) == ("open", 2, 0)


def test_nothing_waiting_is_no_work(town: Town) -> None:
    assert town.work() == 0


def test_queue_is_empty_afterwards(town: Town) -> None:
    town.sees()
    town.looks()
    town.store()
    town.work()

    assert town.rows("SELECT * FROM fusion_queue") == []


def test_message_that_comes_again_changes_nothing(town: Town) -> None:
    message = town.sees()
    town.store()
    town.work()
    before = beliefs(town)
    town.store([message])

    assert town.work() == 0
    assert beliefs(town) == before


def test_pass_that_looked_and_saw_nothing_counts_against(town: Town) -> None:
    town.sees(bus="bus-1")
    town.looks(bus="bus-2", minutes=10)
    town.store()
    town.work()

    (finding,) = town.findings()
    assert finding["passes_missed"] == 1
    assert finding["existence"] < 0.714


def test_look_in_another_street_does_not_count(town: Town) -> None:
    town.sees(bus="bus-1")
    town.looks(bus="bus-2", minutes=10, line_m=((100.0, -60.0), (100.0, 40.0)))
    town.store()
    town.work()

    assert town.findings()[0]["passes_missed"] == 0


def test_coverage_before_its_own_observation_is_no_counter_evidence(town: Town) -> None:
    """The stretch of a pass was taken into account before the pass's observation arrived."""
    town.sees(bus="bus-1")
    town.looks(bus="bus-2", minutes=10)
    town.store()
    town.work()
    town.sees(bus="bus-2", minutes=10.1)
    town.store()
    town.work()

    (finding,) = town.findings()
    assert (finding["passes_seen"], finding["passes_missed"], finding["state"]) == (2, 0, "open")


def test_new_finding_learns_who_looked_at_its_place_before(town: Town) -> None:
    """Bus 1 was without network: bus 2 had looked at the place, later, before anybody knew of the damage."""
    town.looks(bus="bus-2", minutes=30)
    town.store()
    town.work()
    town.sees(bus="bus-1")
    town.store()
    town.work()

    assert town.findings()[0]["passes_missed"] == 1


def test_finding_that_nobody_sees_any_longer_is_gone_and_its_case_withdrawn(town: Town) -> None:
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10)
    for number in range(8):
        town.looks(bus="bus-3", minutes=20 + 10 * number)
    town.store()
    town.work()
    assert [case["state"] for case in town.rows("SELECT * FROM cases")] == []

    town.sees(bus="bus-4", minutes=200)
    town.sees(bus="bus-5", minutes=210)
    town.sees(bus="bus-6", minutes=220)
    town.store()
    town.work()
    assert [case["state"] for case in town.rows("SELECT * FROM cases")] == ["filed"]

    for number in range(8):
        town.looks(bus="bus-3", minutes=300 + 10 * number)
    town.store()
    town.work()
    assert [finding["state"] for finding in town.findings()] == ["gone"]
    assert [case["state"] for case in town.rows("SELECT * FROM cases")] == ["rejected"]


def test_case_has_a_number_and_every_sighting(town: Town) -> None:
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10)
    town.store()
    town.work()
    town.sees(bus="bus-3", minutes=20)
    town.store()
    town.work()

    (case,) = town.rows("SELECT * FROM cases")
    assert case["number"] == f"testcity-{case['opened_at'].year}-000001"
    assert len(town.rows("SELECT * FROM case_sightings")) == 3
    actions = [line["action"] for line in town.rows("SELECT action FROM case_history ORDER BY serial")]
    assert actions == ["open", "file", "add_sighting"]


def test_class_that_a_person_files_stays_reported(town: Town) -> None:
    town.sees(bus="bus-1", class_code="D00")
    town.sees(bus="bus-2", minutes=10, class_code="D00")
    town.store()
    town.work()

    assert [case["state"] for case in town.rows("SELECT * FROM cases")] == ["reported"]


def test_withdrawn_case_is_taken_up_again_when_the_damage_is_seen_again(town: Town) -> None:
    town.sees(bus="bus-1", class_code="D00")
    town.sees(bus="bus-2", minutes=10, class_code="D00")
    town.store()
    town.work()
    for number in range(10):
        town.looks(bus="bus-3", minutes=20 + 10 * number)
    town.store()
    town.work()
    for number in range(4):
        town.sees(bus=BUSES[number], minutes=300 + 10 * number, class_code="D00")
    town.store()
    town.work()

    assert [case["state"] for case in town.rows("SELECT * FROM cases")] == ["reopened"]


def test_history_is_a_chain_in_which_a_change_shows(town: Town) -> None:
    for number in range(4):
        town.sees(bus=BUSES[number], minutes=10 * number)
        town.store()
        town.work()
    (case,) = town.rows("SELECT id FROM cases")
    with connect(town.url) as connection:
        assert first_broken_line(CASES.read(connection, case["id"])) is None
        connection.execute("UPDATE case_history SET actor = 'nobody' WHERE serial = 2")
        assert first_broken_line(CASES.read(connection, case["id"])) == 2


def test_viewers_are_told_of_findings_and_cases(town: Town) -> None:
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10)
    town.store()
    town.work()

    kinds = [change["kind"] for change in town.rows("SELECT kind FROM changes ORDER BY xid, id")]
    assert kinds == ["observation", "observation", "case", "finding"]
    (told,) = town.rows("SELECT payload FROM changes WHERE kind = 'case'")
    assert told["payload"]["state"] == "filed"  # as it stands after the last step: it was opened, too
    (told,) = town.rows("SELECT payload FROM changes WHERE kind = 'finding'")
    assert told["payload"]["properties"]["case"]["state"] == "filed"


def test_class_that_the_county_does_not_know_makes_no_finding(town: Town) -> None:
    town.sees(class_code="D99")
    town.store()

    assert town.work() == 1
    assert town.findings() == []


def test_clock_that_is_not_believed_counts_from_when_it_was_heard(town: Town) -> None:
    town.sees(bus="bus-1")
    ahead = "2031-01-01T00:00:00Z"
    town.sees(bus="bus-2", minutes=10, observed_at=ahead, first_seen_at=ahead, last_seen_at=ahead)
    town.store()
    town.work()

    (finding,) = town.findings()
    assert finding["last_seen_at"].year == 2026


def test_dense_damage_stays_apart(town: Town) -> None:
    for number, bus in enumerate(BUSES[:4]):
        for north_m in (0.0, 7.0, 14.0):
            town.sees(bus=bus, minutes=10 * number, north_m=north_m + 0.4 * number)
    town.store()
    town.work()

    assert [finding["passes_seen"] for finding in town.findings()] == [4, 4, 4]


def test_order_in_which_messages_come_does_not_matter(town: Town, database: str) -> None:
    generator = random.Random(5)
    for number in range(30):
        town.sees(bus=BUSES[number % 6], minutes=10 * number, north_m=60 * (number % 3) + generator.gauss(0, 1))
        town.looks(bus=BUSES[(number + 1) % 6], minutes=10 * number + 5, line_m=((0.0, -60.0), (0.0, 150.0)))
    messages = list(town.messages)
    generator.shuffle(messages)
    for start in range(0, len(messages), 7):
        town.store(messages[start : start + 7])
        town.work()
    shuffled = beliefs(town)
    with connect(database, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE findings, finding_observations, finding_looks, finding_passes, cases, case_history,"
            " case_sightings, observations, coverages CASCADE"
        )
    town.store(messages)
    town.work()

    assert len(shuffled) == 3
    assert [row[:4] for row in shuffled] == [row[:4] for row in beliefs(town)]
    assert [row[4] for row in shuffled] == pytest.approx([row[4] for row in beliefs(town)], abs=0.01)
