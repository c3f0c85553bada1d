"""Terminals of others, from their connection to the tables: a real broker, a real ingester, a real database."""

import asyncio
import hashlib
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.terminals import (
    POSITIONED,
    Spot,
    Terminal,
    ahead_item,
    batch_body,
    driver_item,
    identity_of,
    later,
    location_body,
)
from cloud.bridges.jt808.attachments import MARK_BYTES
from cloud.bridges.jt808.body import MessageId, Registration, Result
from cloud.bridges.jt808.frame import MOST_CONTENT
from cloud.bridges.jt808.registry import admit, remove
from cloud.bridges.jt808.server import Server, open_server
from cloud.commands.bridge import bridge
from cloud.config import (
    BrokerConfig,
    BrokerKind,
    CloudConfig,
    DatabaseConfig,
    Jt808Config,
    PicturesConfig,
    ServeConfig,
)
from cloud.db.pool import connect
from cloud.driving.rules import load_driving_rules
from cloud.driving.step import note_driving
from cloud.errors import BridgeError
from tests.conftest import RunningBroker
from tests.integration.ingest_database import query, value
from tests.integration.ingest_process import running_ingesters
from tests.waiting import wait_until

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
SPOT = Spot(at=AT, lon=120.4258, lat=27.5184)
PHONE = "13812345678"
CITY = "testcity"
BLUR = """
import json, sys
photo = sys.stdin.buffer.read()
if not photo.startswith(b"jpeg"):
    sys.exit(3)
sys.stdout.buffer.write(json.dumps({"width_px": 2, "height_px": 2, "blur": {"faces": 1}}).encode() + b"\\n" + b"safe")
"""


@dataclass
class Gate:
    """Where terminals come in; those that did are closed in the end."""

    port: int
    server: Server
    opened: list[Terminal] = field(default_factory=list[Terminal])

    async def connect(self, phone: str = PHONE, *, is_2019: bool = False) -> Terminal:
        terminal = await Terminal.connect(self.port, phone, is_2019=is_2019)
        self.opened.append(terminal)
        return terminal

    async def come(self, phone: str = PHONE, *, is_2019: bool = False) -> tuple[Terminal, str]:
        """Register and show the code."""
        terminal = await self.connect(phone, is_2019=is_2019)
        result, code = await terminal.register()
        assert result is Registration.DONE
        assert await terminal.authenticate(code) is Result.DONE
        return terminal, code


def bridged(
    database: str,
    broker: RunningBroker,
    tmp_path: Path,
    drive: Callable[["Gate"], Awaitable[None]],
    *,
    frames_per_s: float = 50.0,
    strangers: int = 1000,
    idle_s: float = 300.0,
    attachments_host: str | None = None,
) -> None:
    """Run a bridge, and terminals that come to its port."""
    password = tmp_path / "bridge-password"
    password.write_text(broker.cloud_password)
    config = CloudConfig(
        city=CITY,
        database=DatabaseConfig(url=database),
        jt808=Jt808Config(
            broker=BrokerConfig(
                kind=BrokerKind.MQTT,
                url=broker.mqtt_url,
                user="cloud",
                password_file=password,
                client_id="busense-jt808",
            ),
            host="127.0.0.1",
            port=0,
            frames_per_s=frames_per_s,
            strangers=strangers,
            idle_s=idle_s,
            attachments_host=attachments_host,
        ),
        pictures=PicturesConfig(url=f"file://{tmp_path / 'pictures'}"),
        serve=ServeConfig(blur_command=(sys.executable, "-c", BLUR)),
    )

    async def run() -> None:
        async with open_server(config) as (server, port):
            gate = Gate(port, server)
            try:
                await drive(gate)
            finally:
                for terminal in gate.opened:
                    terminal.close()

    asyncio.run(run())


def admitted(database: str, phone: str = PHONE, *, device: str = "bus-1", terminal_id: str | None = None) -> None:
    with connect(database) as connection:
        at = AT - timedelta(minutes=1)
        admit(connection, phone=phone, city=CITY, device=device, terminal_id=terminal_id, at=at)
        # What a bus says of a time before it was there is not believed.
        connection.execute("UPDATE devices SET enrolled_at = %s WHERE device = %s", (at, device))


def test_terminals_of_both_versions_become_buses_and_what_comes_again_counts_once(
    database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    admitted(database)
    admitted(database, "2", device="bus-2", terminal_id="SIM0001")
    drowsy = later(SPOT, by_s=30)
    alarm = Spot(
        at=drowsy.at, lon=drowsy.lon, lat=drowsy.lat, items=(driver_item(drowsy, number=1, flag=1, kind=1, level=2),)
    )
    open_doors = [replace(later(SPOT, by_s=second), status=POSITIONED | 1 << 14) for second in (40, 45)]
    tunnel = [later(SPOT, by_s=second) for second in range(60, 120)]

    async def drive(gate: Gate) -> None:
        for phone, is_2019 in ((PHONE, False), ("2", True)):
            terminal, code = await gate.come(phone, is_2019=is_2019)
            assert await terminal.report(SPOT) is Result.DONE
            assert await terminal.report(SPOT) is Result.DONE  # our answer was lost
            for spot in (alarm, *open_doors):
                assert await terminal.report(spot) is Result.DONE
            again = await gate.connect(phone, is_2019=is_2019)
            assert await again.authenticate(code) is Result.DONE
            assert await terminal.is_left()
            for _ in range(2):
                assert await again.ask(MessageId.LOCATIONS, batch_body(tunnel)) is Result.DONE

    with running_ingesters(tmp_path, database=database, broker=broker, kind="jetstream"):
        bridged(database, broker, tmp_path, drive)
        wait_until(lambda: value(database, "SELECT count(*) FROM track_points") == 2 * 64)
        wait_until(lambda: value(database, "SELECT count(*) FROM driving_events") == 4)
    assert query(database, "SELECT device, kind, level, sensor FROM driving_events ORDER BY device, kind") == [
        ("bus-1", "door_open", None, "terminal"),
        ("bus-1", "drowsy", 2, "terminal"),
        ("bus-2", "door_open", None, "terminal"),
        ("bus-2", "drowsy", 2, "terminal"),
    ]
    with connect(database, autocommit=True) as connection:
        note_driving(connection, rules=load_driving_rules(), now=lambda: datetime.now(UTC) + timedelta(minutes=1))
    assert query(database, "SELECT device, severity FROM driving_incidents WHERE kind = 'door_open' ORDER BY 1") == [
        ("bus-1", 2),
        ("bus-2", 2),
    ]
    gaps = "SELECT count(*) FROM device_streams WHERE stored <> int8multirange(int8range(1, upper(stored)))"
    assert value(database, gaps) == 0
    assert value(database, "SELECT count(*) FROM quarantine") == 0


def test_only_those_who_are_written_down_register_and_only_once(
    database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    admitted(database)
    admitted(database, "3", device="bus-3", terminal_id="ANOTHER")
    with pytest.raises(BridgeError, match="no number"):
        admitted(database, "phone")

    async def registers(gate: Gate, phone: str) -> Registration:
        terminal = await gate.connect(phone)
        result, _ = await terminal.register()
        return result

    async def drive(gate: Gate) -> None:
        assert await registers(gate, "999") is Registration.NO_SUCH_TERMINAL
        assert await registers(gate, "3") is Registration.NO_SUCH_TERMINAL
        assert await registers(gate, PHONE) is Registration.DONE
        assert await registers(gate, PHONE) is Registration.TERMINAL_REGISTERED
        stranger = await gate.connect(PHONE)
        assert await stranger.authenticate("guess") is Result.FAILED
        assert await stranger.is_left()
        admitted(database)  # its code was lost
        _, code = await gate.come()
        with connect(database) as connection:
            assert remove(connection, phone=PHONE)
            assert not remove(connection, phone=PHONE)
        gone = await gate.connect(PHONE)
        assert await gone.authenticate(code) is Result.FAILED

    bridged(database, broker, tmp_path, drive)


def test_hostile_terminals_are_sent_away_and_the_others_do_not_notice(
    database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    admitted(database)
    admitted(database, "4", device="bus-4")

    async def drive(gate: Gate) -> None:
        terminal, _ = await gate.come()
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x7e" + bytes(2 * MOST_CONTENT), b"01cd" + b"\xff" * 100):
            hostile = await gate.connect(PHONE)
            await hostile.send_raw(data)
            assert await hostile.is_left()
        flood, _ = await gate.come("4")
        for _ in range(150):  # more than a minute's worth of two a second
            await flood.send(MessageId.HEARTBEAT, b"")
        assert await flood.is_left()
        silent = [await gate.connect(PHONE) for _ in range(2)]
        refused = await gate.connect(PHONE)
        assert await refused.is_left()
        assert gate.server.refused == 1
        assert await terminal.report(SPOT) is Result.DONE
        assert len(silent) == 2

    bridged(database, broker, tmp_path, drive, frames_per_s=2.0, strangers=2)


def test_a_terminal_that_falls_silent_or_never_says_all_is_sent_away(
    database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    admitted(database)
    admitted(database, "4", device="bus-4")

    async def drive(gate: Gate) -> None:
        silent, _ = await gate.come()
        half, _ = await gate.come("4")
        await half.send_raw(b"\x7e\x02\x00")
        assert await silent.is_left()
        assert await half.is_left()
        assert gate.server.connections == 0

    bridged(database, broker, tmp_path, drive, idle_s=1.0)


def test_what_is_not_understood_lies_in_a_book_with_an_end(
    database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    admitted(database)

    async def drive(gate: Gate) -> None:
        terminal, _ = await gate.come()
        for _ in range(120):
            assert await terminal.ask(0x0F01, b"vendor") is Result.UNKNOWN
        await asyncio.to_thread(wait_until, lambda: value(database, "SELECT count(*) FROM jt808_raw") == 100)

    bridged(database, broker, tmp_path, drive)
    assert query(database, "SELECT DISTINCT device, why, content FROM jt808_raw") == [
        ("bus-1", "message 0x0f01", b"vendor")
    ]


def test_what_the_broker_does_not_have_is_not_answered(database: str, broker: RunningBroker, tmp_path: Path) -> None:
    admitted(database)

    async def drive(gate: Gate) -> None:
        terminal, code = await gate.come()
        await asyncio.to_thread(broker.server.stop)
        with pytest.raises(ConnectionError):
            await terminal.report(later(SPOT, by_s=10))
        await asyncio.to_thread(broker.server.start)

        async def is_taken() -> bool:
            again = await gate.connect(PHONE)
            try:
                return (
                    await again.authenticate(code) is Result.DONE
                    and await again.report(later(SPOT, by_s=10)) is Result.DONE
                )
            except ConnectionError:
                return False

        async with asyncio.timeout(30):
            while not await is_taken():  # noqa: ASYNC110 - as a terminal does
                await asyncio.sleep(0.2)

    bridged(database, broker, tmp_path, drive)


def test_pictures_of_alarms_are_kept_blurred_and_what_is_no_picture_is_not(
    database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    admitted(database)
    spot = replace(SPOT, items=(ahead_item(SPOT, number=1, flag=1, kind=1, files=1),))
    identity = identity_of(SPOT.at, files=1)

    async def drive(gate: Gate) -> None:
        terminal, _ = await gate.come()
        for number, content in enumerate((b"jpeg" * 600, b"nothing of the kind")):
            seen = replace(spot, lat=spot.lat + number * 1e-3)
            await terminal.send(MessageId.LOCATION, location_body(seen))
            ask = next(frame for frame in [await terminal.receive() for _ in range(2)] if frame.message_id == 0x9208)
            mark = ask.body[-16 - MARK_BYTES : -16].decode()
            bringer = await gate.connect()
            answers = await bringer.bring(identity=identity, mark=mark, name=f"{number}.jpg", content=content, holes=1)
            assert answers[-1][-2:] == b"\x00\x00"

    bridged(database, broker, tmp_path, drive, attachments_host="127.0.0.1")
    sha256 = hashlib.sha256(b"safe").hexdigest()
    rows = query(database, "SELECT device, identity, kind, alarm_at, name, sha256 FROM jt808_attachments")
    assert rows == [("bus-1", identity, "forward_collision", SPOT.at, "0.jpg", sha256)]
    known = query(database, "SELECT sha256, device, size_bytes, received_at IS NOT NULL FROM pictures")
    assert known == [(sha256, "bus-1", 4, True)], "held, shown and purged as all pictures are"
    assert [path.read_bytes() for path in (tmp_path / "pictures").rglob("*") if path.is_file()] == [b"safe"]


def test_terminals_are_admitted_and_removed_on_the_command_line(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSENSE_CITY", CITY)
    monkeypatch.setenv("BUSENSE_DATABASE__URL", database)

    def ask(*words: str) -> object:
        result = CliRunner().invoke(bridge, words)
        return result.output if result.exception is None else str(result.exception)

    assert "may register as testcity/bus-9" in str(ask("admit", "0139", "bus-9", "--terminal-id", "T"))
    assert query(database, "SELECT phone, device, terminal_id FROM jt808_terminals") == [("139", "bus-9", "T")]
    assert "lower-case" in str(ask("admit", "139", "Bus 9"))
    assert "comes no more" in str(ask("remove", "139"))
    assert "no terminal 139" in str(ask("remove", "139"))
    assert "[jt808] section" in str(ask("jt808"))
