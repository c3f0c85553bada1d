"""A roll-out on a real database, with buses that answer as the twin says."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import minisign
import psycopg
import pytest
from psycopg.types.json import Jsonb

from cloud.bridges.jt808.registry import admit
from cloud.db.pool import connect
from cloud.errors import FleetError, RollOutError
from cloud.fleet.devices import enrol
from cloud.fleet.enrolment import revoke
from cloud.fleet.releases import add_release
from cloud.fleet.rollout import Deed, RollOutState, Terms
from cloud.fleet.rollouts import Proposal, carry_on, do, propose
from cloud.fleet.shadow import Seen, end_looking_on, let_look_on, looking_on, note_seen, what_it_saw
from cloud.fleet.wishes import COMMAND_GOOD_FOR, ask, wish, wished
from cloud.ingest.handler import open_handler
from tests.waiting import wait_until
from wire.envelope import make_id
from wire.errors import PackageError
from wire.messages import CommandKind, ModelVersion, ShadowClass, ShadowReport
from wire.package import About, PackageKind, write_package

AT = datetime(2026, 11, 29, 8, tzinfo=UTC)
PAIR = minisign.KeyPair.generate()
KEYS = [PAIR.public_key.to_base64().decode()]
TERMS = Terms(stop_at_failed=0.25, go_on_at_done=1.0, watch=timedelta(minutes=5))


def package(version: str) -> tuple[bytes, str]:
    about = About(kind=PackageKind.SETTINGS, name="winter", version=version)
    content = write_package(about, {"settings.toml": b"[health]\nevery_s = 30\n"})
    return content, bytes(PAIR.secret_key.sign(content)).decode()


@dataclass
class County:
    """A county of ten buses, and what people do with it."""

    connection: psycopg.Connection[Any]
    now: datetime = AT
    buses: list[str] = field(default_factory=lambda: [f"bus-{number}" for number in range(10)])

    def release(self, version: str = "1") -> str:
        content, signature = package(version)
        return add_release(self.connection, content, signature=signature, keys=KEYS, actor="li", at=self.now)

    def model(self, version: str = "1") -> str:
        about = About(kind=PackageKind.MODEL, name="road_damage", version=version)
        content = write_package(about, {"manifest.toml": b"", "model.onnx": b"weights"})
        signature = bytes(PAIR.secret_key.sign(content)).decode()
        return add_release(self.connection, content, signature=signature, keys=KEYS, actor="li", at=self.now)

    def propose(self, release: str, shares: list[float], *, shadow_frames: int = 0) -> UUID:
        proposal = Proposal(release=release, shares=shares, terms=TERMS, shadow_frames=shadow_frames)
        return propose(self.connection, proposal, city="a", actor="li", at=self.now)

    def do(self, roll_out: UUID, deed: Deed, actor: str = "wang", *, seen_failed: int = 0) -> RollOutState:
        return do(self.connection, roll_out, deed, actor=actor, at=self.now, seen_failed=seen_failed)

    def carry_on(self, *, after_s: float = 0) -> int:
        self.now += timedelta(seconds=after_s)
        return carry_on(self.connection, at=self.now)

    def wants(self, device: str) -> tuple[int, dict[str, Any]]:
        row = self.connection.execute(
            "SELECT version, settings FROM device_wishes WHERE device = %s", (device,)
        ).fetchone()
        return (0, {}) if row is None else (row[0], row[1])

    def told(self) -> list[str]:
        return [device for device in self.buses if self.wants(device)[1]]

    def answer(self, device: str, problem: str | None = None) -> None:
        """The bus takes what is wanted, or says why not and stays as it was."""
        version, settings = self.wants(device)
        twin = {"version": version, "settings": {} if problem else settings, "problem": problem}
        self.connection.execute(
            "UPDATE devices SET twin_reported = %s, twin_reported_at = %s WHERE device = %s",
            (Jsonb(twin), self.now, device),
        )

    def state(self, roll_out: UUID) -> tuple[str, str | None]:
        row = self.connection.execute("SELECT state, reason FROM roll_outs WHERE id = %s", (roll_out,)).fetchone()
        assert row is not None
        return row[0], row[1]

    def counts(self, roll_out: UUID) -> dict[str, int]:
        rows = self.connection.execute(
            "SELECT state, count(*) FROM roll_out_devices WHERE roll_out = %s GROUP BY state", (roll_out,)
        )
        return dict(rows.fetchall())


@pytest.fixture
def county(database: str) -> Iterator[County]:
    with connect(database, autocommit=True) as connection:
        county = County(connection)
        for device in county.buses:
            enrol(connection, city="a", device=device, secret="s" * 40)
        yield county


def test_it_goes_group_by_group_to_the_end(county: County) -> None:
    release = county.release()
    roll_out = county.propose(release, [0.2])
    assert county.carry_on() == 0
    county.do(roll_out, Deed.APPROVE)
    county.carry_on()
    first = county.told()
    assert len(first) == 2
    for device in first:
        county.answer(device)
    assert county.carry_on(after_s=299) == 0
    county.carry_on(after_s=1)
    assert len(county.told()) == 10
    for device in county.buses:
        county.answer(device)
    county.carry_on()
    assert county.state(roll_out) == ("finished", None)
    assert county.counts(roll_out) == {"done": 10}
    assert all(county.wants(device) == (1, {"package.settings": release}) for device in county.buses)


def test_failures_keep_the_rest_from_it_until_a_person_has_looked(county: County) -> None:
    roll_out = county.propose(county.release(), [0.2])
    county.do(roll_out, Deed.APPROVE)
    county.carry_on()
    bad, good = county.told()
    county.answer(bad, problem="3.1 frames a second; at least 5.6 are expected")
    county.answer(good)
    county.carry_on(after_s=400)
    assert county.state(roll_out) == ("paused", "1 of 2 buses of group 1 could not take it")
    assert county.carry_on(after_s=400) == 0
    assert len(county.told()) == 2
    with pytest.raises(RollOutError, match="1 buses could not take it by now, and 0 were seen"):
        county.do(roll_out, Deed.RESUME)
    county.do(roll_out, Deed.RESUME, seen_failed=1)
    county.carry_on()
    assert len(county.told()) == 10


def test_what_fails_while_a_person_lets_it_wait_is_not_forgiven_unseen(county: County) -> None:
    roll_out = county.propose(county.release(), [0.2])
    county.do(roll_out, Deed.APPROVE)
    county.carry_on()
    county.do(roll_out, Deed.PAUSE)
    for device in county.told():
        county.answer(device, problem="no such sensor")
    county.carry_on()
    with pytest.raises(RollOutError, match="look again"):
        county.do(roll_out, Deed.RESUME, seen_failed=0)
    assert county.state(roll_out)[0] == "paused"


def test_stopping_takes_back_what_has_not_settled(county: County) -> None:
    old = county.release("1")
    for device in county.buses:
        wish(county.connection, {"package.settings": old}, city="a", device=device, actor="li", at=AT)
        county.answer(device)
    new = county.release("2")
    roll_out = county.propose(new, [0.2])
    county.do(roll_out, Deed.APPROVE)
    county.carry_on()
    first = [device for device in county.buses if county.wants(device)[1]["package.settings"] == new]
    county.answer(first[0])  # which the worker has not noted yet
    assert county.do(roll_out, Deed.STOP) is RollOutState.STOPPED
    assert county.wants(first[0]) == (2, {"package.settings": new})
    assert county.wants(first[1]) == (3, {"package.settings": old})
    assert county.counts(roll_out) == {"done": 1, "left_out": 9}
    assert county.carry_on(after_s=9000) == 0


def test_nobody_approves_what_he_has_proposed(county: County) -> None:
    roll_out = county.propose(county.release(), [])
    with pytest.raises(RollOutError, match="another person"):
        county.do(roll_out, Deed.APPROVE, actor="li")
    assert county.state(roll_out)[0] == "proposed"


def test_two_of_a_kind_do_not_run_at_once(county: County) -> None:
    county.propose(county.release("1"), [])
    with pytest.raises(RollOutError, match="not over yet"):
        county.propose(county.release("2"), [])


def test_of_two_who_propose_at_the_same_instant_one_is_told_so(county: County, database: str) -> None:
    first, second = county.release("1"), county.release("2")
    proposals = [Proposal(release=release, shares=[], terms=TERMS) for release in (first, second)]
    at_once = threading.Barrier(2, timeout=30)

    def suggest(proposal: Proposal) -> str:
        with psycopg.connect(database) as connection:
            at_once.wait()
            try:
                propose(connection, proposal, city="a", actor="li", at=AT)
            except RollOutError as error:
                return str(error)
        return "proposed"

    for _ in range(5):
        with ThreadPoolExecutor(max_workers=2) as both:
            said = sorted(both.map(suggest, proposals))
        assert said[0] == "proposed"
        assert "not over yet" in said[1]
        (row,) = county.connection.execute("SELECT id FROM roll_outs WHERE state = 'proposed'").fetchall()
        county.do(row[0], Deed.STOP)


def report(release: str, *, frames: int, run: str = "", **more: int) -> ShadowReport:
    counts = {"agreeing": 0, "only_old": 0, "only_new": 0} | more
    return ShadowReport(
        package=release,
        run=run or make_id(AT),
        model=ModelVersion(name="road_damage", version="1", sha256="b" * 64),
        frames=frames,
        dropped=1,
        failed=0,
        old_s=0.04,
        new_s=0.06,
        classes={"D40": ShadowClass(**counts)},
    )


async def hear(database: str, *seen: tuple[str, ShadowReport], at: datetime = AT) -> None:
    """What buses report reaches the database as ingest brings it."""
    async with await psycopg.AsyncConnection.connect(database) as connection, connection.cursor() as cursor:
        await note_seen(cursor, [Seen(city="a", device=device, at=at, report=told) for device, told in seen])


def test_a_model_looks_on_at_enough_frames_before_it_is_approved(county: County, database: str) -> None:
    release = county.model()
    roll_out = county.propose(release, [0.2], shadow_frames=1000)
    let_look_on(county.connection, release, ["bus-1", "bus-2"], share=0.25, city="a", actor="li", at=AT)
    assert county.wants("bus-1")[1] == {"package.shadow": release, "shadow.share": 0.25}
    run = make_id(AT)
    asyncio.run(hear(database, ("bus-1", report(release, frames=300, run=run, agreeing=5))))
    with pytest.raises(RollOutError, match="looked on at 300 frames; 1000 are asked for"):
        county.do(roll_out, Deed.APPROVE)
    later = AT + timedelta(minutes=1)
    newest = report(release, frames=600, run=run, agreeing=9, only_new=2)
    asyncio.run(hear(database, ("bus-1", newest), ("bus-2", report(release, frames=400, only_old=3)), at=later))
    asyncio.run(hear(database, ("bus-1", report(release, frames=300, run=run, agreeing=5))))  # an old one comes again
    asyncio.run(hear(database, ("bus-3", report(release, frames=9999))))  # nobody asked this one
    saw = what_it_saw(county.connection, release)
    assert (saw.buses, saw.frames, saw.dropped) == (2, 1000, 2)
    assert saw.classes == {"D40": ShadowClass(agreeing=9, only_old=3, only_new=2)}
    assert (saw.old_s, saw.new_s) == (pytest.approx(0.04), pytest.approx(0.06))
    assert county.do(roll_out, Deed.APPROVE) is RollOutState.RUNNING


def test_what_takes_over_looks_on_no_longer_and_what_is_stopped_neither(county: County) -> None:
    release = county.model()
    roll_out = county.propose(release, [])
    let_look_on(county.connection, release, ["bus-1"], share=1.0, city="a", actor="li", at=AT)
    county.do(roll_out, Deed.APPROVE)
    county.carry_on()
    assert county.wants("bus-1")[1] == {"package.model": release}
    other = county.model("2")
    let_look_on(county.connection, other, ["bus-2"], share=1.0, city="a", actor="li", at=AT)
    county.do(roll_out, Deed.STOP)
    assert looking_on(county.connection, other) == ["bus-2"], "of another release"
    end_looking_on(county.connection, other, actor="li", at=AT)
    assert looking_on(county.connection, other) == []


def test_who_lets_a_model_look_on_holds_nobody_up_crosswise(county: County, database: str) -> None:
    release = county.model()

    def let() -> None:
        with psycopg.connect(database) as connection:
            let_look_on(connection, release, ["bus-2", "bus-1"], share=1.0, city="a", actor="li", at=AT)

    def is_waiting() -> bool:
        return bool(county.connection.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall())

    with ThreadPoolExecutor(max_workers=1) as other:
        with county.connection.transaction():  # as a roll-out does: the buses in their order
            wish(county.connection, {"camera.pitch_deg": 9.5}, city="a", device="bus-1", actor="wang", at=AT)
            letting = other.submit(let)
            wait_until(is_waiting)
            wish(county.connection, {"camera.pitch_deg": 9.5}, city="a", device="bus-2", actor="wang", at=AT)
        letting.result()
    assert looking_on(county.connection, release) == ["bus-1", "bus-2"]


def test_a_bus_that_was_revoked_is_in_no_roll_out_until_it_is_enrolled_again(county: County) -> None:
    revoke(county.connection, city="a", device="bus-1", at=AT)
    without = county.propose(county.release("1"), [])
    assert county.counts(without) == {"waiting": 9}
    county.do(without, Deed.STOP)
    enrol(county.connection, city="a", device="bus-1", secret="t" * 40)
    assert county.counts(county.propose(county.release("2"), [])) == {"waiting": 10}


def test_a_bus_that_is_revoked_on_the_way_has_failed_and_is_waited_for_no_longer(county: County) -> None:
    roll_out = county.propose(county.release(), [])
    county.do(roll_out, Deed.APPROVE)
    county.carry_on()
    revoke(county.connection, city="a", device="bus-1", at=AT)
    for device in county.buses:
        if device != "bus-1":
            county.answer(device)
    county.carry_on()
    assert county.counts(roll_out) == {"done": 9, "failed": 1}
    assert county.state(roll_out)[0] == "finished"


def test_what_a_bridge_brings_is_in_no_roll_out_but_where_an_agent_speaks_too(county: County) -> None:
    enrol(county.connection, city="a", device="fed", secret="s" * 40)
    county.connection.execute("UPDATE devices SET feed = 'gtfs_rt' WHERE device = 'fed'")
    for phone, device in (("13800000001", "terminal"), ("13800000002", "bus-1")):
        admit(county.connection, phone=phone, city="a", device=device, terminal_id=None, at=AT)
    county.answer("bus-1")
    assert county.counts(county.propose(county.release(), [])) == {"waiting": 10}


def test_settings_cannot_look_on(county: County) -> None:
    release = county.release()
    with pytest.raises(RollOutError, match="no model"):
        let_look_on(county.connection, release, ["bus-1"], share=1.0, city="a", actor="li", at=AT)
    with pytest.raises(RollOutError, match="only a model"):
        county.propose(release, [], shadow_frames=10)


def test_a_later_wish_does_not_make_a_success_a_failure(county: County) -> None:
    """The pose of a camera is changed while its bus has not answered yet."""
    roll_out = county.propose(county.release(), [])
    county.do(roll_out, Deed.APPROVE)
    county.carry_on()
    wish(county.connection, {"camera.pitch_deg": 9.5}, city="a", device="bus-1", actor="li", at=AT)
    for device in county.buses:
        county.answer(device)
    county.carry_on()
    assert county.counts(roll_out) == {"done": 10}


def test_a_bus_that_says_nothing_is_waited_for(county: County) -> None:
    roll_out = county.propose(county.release(), [0.2])
    county.do(roll_out, Deed.APPROVE)
    county.carry_on()
    assert county.carry_on(after_s=86_400) == 0
    assert county.counts(roll_out) == {"told": 2, "waiting": 8}


def test_a_wish_never_has_a_version_that_the_bus_has_passed(county: County) -> None:
    """As after a restored backup: the bus has reported more than the cloud knows."""
    twin = Jsonb({"version": 41, "settings": {}, "problem": None})
    county.connection.execute("UPDATE devices SET twin_reported = %s WHERE device = 'bus-1'", (twin,))
    change = wish(county.connection, {"camera.pitch_deg": 9.5}, city="a", device="bus-1", actor="li", at=AT)
    assert change.version == 42
    assert wished(county.connection, city="a", device="bus-1") == {"camera.pitch_deg": 9.5}
    wish(county.connection, {"camera.pitch_deg": None}, city="a", device="bus-1", actor="li", at=AT)
    assert county.wants("bus-1") == (43, {})


@pytest.mark.parametrize("key", ["broker.url", "identity.secret_file", "model.manifest", "camera.source"])
def test_only_the_pose_and_packages_can_be_wished(county: County, key: str) -> None:
    with pytest.raises(FleetError, match=key):
        wish(county.connection, {key: "x"}, city="a", device="bus-1", actor="li", at=AT)


def test_nothing_is_asked_of_a_bus_that_is_not_there(county: County) -> None:
    with pytest.raises(FleetError, match="no bus"):
        wish(county.connection, {}, city="a", device="bus-99", actor="li", at=AT)
    with pytest.raises(FleetError, match="no bus"):
        ask(county.connection, CommandKind.SEND_PICTURE, city="a", device="bus-99", actor="li", at=AT)


def test_only_what_the_city_has_signed_is_taken_and_a_name_stands_for_one_content(county: County) -> None:
    content, signature = package("1")
    with pytest.raises(PackageError, match="none of the trusted keys"):
        add_release(county.connection, content, signature=signature, keys=[], actor="li", at=AT)
    assert county.release("1") == county.release("1")
    about = About(kind=PackageKind.SETTINGS, name="winter", version="1")
    other = write_package(about, {"settings.toml": b"[health]\nevery_s = 31\n"})
    signed = bytes(PAIR.secret_key.sign(other)).decode()
    with pytest.raises(RollOutError, match="another content"):
        add_release(county.connection, other, signature=signed, keys=KEYS, actor="li", at=AT)


def test_who_did_what_is_on_record(county: County) -> None:
    roll_out = county.propose(county.release(), [])
    county.do(roll_out, Deed.APPROVE)
    county.carry_on()
    rows = county.connection.execute(
        "SELECT actor, action FROM fleet_log WHERE roll_out = %s ORDER BY id", (roll_out,)
    ).fetchall()
    assert rows == [("li", "propose"), ("wang", "approve"), ("system:fleet", "begin_group")]


async def letters(url: str, *contacts: str, at: datetime) -> tuple[list[tuple[str, int]], list[str]]:
    """What a bus would be told now, after these have spoken of themselves."""
    async with open_handler(url) as handler:
        taken = await handler.take_letters([("a", device) for device in contacts], at=at)
    assert taken is not None
    wishes, requests = taken
    return sorted((wish.device, wish.version) for wish in wishes), [request.device for request in requests]


@pytest.mark.asyncio
async def test_a_wish_is_told_at_once_and_again_when_its_bus_speaks_until_it_was_reported(
    county: County, database: str
) -> None:
    wish(county.connection, {"camera.pitch_deg": 9.5}, city="a", device="bus-1", actor="li", at=AT)
    assert await letters(database, at=AT) == ([("bus-1", 1)], [])
    later = AT + timedelta(minutes=1)
    assert await letters(database, at=later) == ([], [])
    assert await letters(database, "bus-1", "bus-2", at=later) == ([("bus-1", 1)], [])
    assert await letters(database, "bus-1", at=later + timedelta(seconds=29)) == ([], [])
    county.answer("bus-1")
    assert await letters(database, "bus-1", at=later + timedelta(minutes=1)) == ([], [])


@pytest.mark.asyncio
async def test_a_command_is_told_once_to_a_bus_that_is_there_before_it_expires(county: County, database: str) -> None:
    for device in ("bus-1", "bus-2"):
        ask(county.connection, CommandKind.SEND_PICTURE, city="a", device=device, actor="li", at=AT)
    county.connection.execute("UPDATE devices SET presence = 'online' WHERE device = 'bus-1'")
    assert await letters(database, at=AT) == ([], ["bus-1"])
    assert await letters(database, "bus-1", at=AT) == ([], [])
    county.connection.execute("UPDATE devices SET presence = 'online' WHERE device = 'bus-2'")
    assert await letters(database, at=AT + COMMAND_GOOD_FOR) == ([], [])
