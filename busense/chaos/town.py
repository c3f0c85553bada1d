"""The demo's town with a faulty link at each seam, and hands that break its parts."""

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Literal, LiteralString, assert_never
from urllib.parse import urlsplit, urlunsplit

import psycopg

from busense.chaos.disks import empty, fill, tear_page
from busense.chaos.halts import Halts
from busense.chaos.ledger import (
    Kept,
    Key,
    begin_ledger,
    count_damaged,
    read_ledgers,
    read_pictures,
    read_waiting,
)
from busense.chaos.plan import Fault, Part, Way
from busense.chaos.poison import Message, digest_of, make_poison, publish
from busense.chaos.receiver import Receiver
from busense.chaos.watch import tree
from busense.demo_place import CITY, Place
from busense.demo_services import Service
from busense.demo_town import Town, TownPlan
from busense.errors import StartError
from busense.local.broker import LocalBroker
from busense.local.postgres import LocalPostgres
from busense.local.processes import accepts_connections
from cloud.db.value import fetch_value
from simulator.devices import device_names
from simulator.faults.link import SOUND, Behaviour, FaultyLink

STARTED_WITHIN_S: Final = 60.0
DRAINED_WITHIN_S: Final = 900.0
SETTLED_WITHIN_S: Final = 300.0
TRIES: Final = 5
POLL_S: Final = 0.2

_BEHAVIOURS: Final = {
    Way.CUT: Behaviour(is_cut=True),
    Way.STALL: Behaviour(is_stalled=True),
    Way.SLOW: Behaviour(delay_s=0.05, bytes_per_s=50_000.0),
    Way.DISORDER: Behaviour(doubled=0.3, overtaken=0.3),
}
_CLOCKS_OFF_S: Final = (-1.79e9, 3.6e8, 86_400.0, -3600.0, 90.0, -7.0)
"""1970, 2038, a day ahead, an hour behind, and what a bad quartz does in a week."""
# A disk that is full for a while: the same SQLSTATE as PostgreSQL gives then, from a trigger.
_FULL_DISK: Final = """
CREATE TABLE chaos_full_disk (until timestamptz NOT NULL);
CREATE FUNCTION chaos_full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM chaos_full_disk WHERE until > clock_timestamp()) THEN
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_full_disk BEFORE INSERT ON track_points FOR EACH STATEMENT EXECUTE FUNCTION chaos_full_disk();
CREATE TRIGGER chaos_full_disk BEFORE INSERT ON coverages FOR EACH STATEMENT EXECUTE FUNCTION chaos_full_disk();
CREATE TRIGGER chaos_full_disk BEFORE INSERT ON finding_passes FOR EACH STATEMENT EXECUTE FUNCTION chaos_full_disk();
CREATE TRIGGER chaos_full_disk BEFORE INSERT ON case_history FOR EACH STATEMENT EXECUTE FUNCTION chaos_full_disk();
"""
_FILL: Final = "INSERT INTO chaos_full_disk VALUES (clock_timestamp() + make_interval(secs => %s))"
_END_SESSIONS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'busense' AND pid <> pg_backend_pid()
"""
_UNSETTLED: Final = """
SELECT (SELECT count(*) FROM fusion_queue) + (SELECT count(*) FROM case_events)
    + (SELECT count(*) FROM deliveries WHERE state = 'waiting')
"""
_AWAITED_PICTURES: Final = "SELECT sha256 FROM pictures WHERE received_at IS NULL"
_DELIVER_NOW: Final = "UPDATE deliveries SET next_at = now() WHERE state = 'waiting'"
_KNOWN_POISON: Final = "SELECT digest FROM quarantine WHERE digest = ANY(%s)"

Heal = Callable[[], None]


class ChaosTown:
    """Everything that can be broken. All of it is called from the thread that starts the processes."""

    def __init__(self, place: Place, *, seed: int, buses: int, port: int, receiver: Receiver) -> None:
        self._place, self._seed, self._buses = place, seed, buses
        self._receiver = receiver
        self._chance = random.Random(seed)  # noqa: S311 - to be repeated, not secret
        plan = TownPlan(seed=seed, port=port, buses=buses, full=0, without_network=0, for_s=None, frames=None)
        self._town = Town(plan, place, say=lambda _text: None)
        self._links: dict[Part, FaultyLink] = {}
        self._halts = Halts()
        self._kept: list[Kept] = []  # read before a file was torn
        self.torn: set[Key] = set()
        self.poison: list[Message] = []
        self.ended_by_themselves: list[str] = []

    @property
    def database_url(self) -> str:
        """Straight to the server, past the link."""
        return self._town.postgres.url()

    @property
    def outboxes(self) -> list[Path]:
        return [self._place.folder / "buses" / device / "outbox.db" for device in device_names(self._buses)]

    @contextmanager
    def running(self) -> Generator[None]:
        """Start all, with the links between, and begin the ledgers before anything is counted."""
        with ExitStack() as stack:
            stack.enter_context(self._town.running())
            stack.callback(self._end_buses)
            stack.enter_context(self._halts)
            for part, url in self._targets().items():
                self._links[part] = stack.enter_context(FaultyLink(url, seed=self._seed))
            with psycopg.connect(self.database_url) as connection:
                connection.execute(_FULL_DISK)
            self._write_config()
            for service in self._town.services:
                service.stop()
                service.start()
            self._drive(for_s=1.0)
            self._wait_until(lambda: not self._town.simulator.is_running, STARTED_WITHIN_S, "the first drive ends")
            for outbox in self.outboxes:
                begin_ledger(outbox)
            self._drive(for_s=None)
            yield

    def kept(self) -> list[Kept]:
        """All that the buses ever had on their disks, each once; while they do not drive."""
        return list({message.key: message for message in (*self._kept, *read_ledgers(self.outboxes))}.values())

    def pids(self) -> Mapping[str, int]:
        """Processes that run."""
        return self._town.pids()

    def serves(self) -> bool:
        """Whether the API takes connections."""
        return accepts_connections(urlsplit(self._town.url).port or 0)

    def break_(self, fault: Fault) -> Heal | None:
        """Let a fault begin; what it returns ends it, later. None when it is over at once."""
        part = fault.kind.part
        match fault.kind.way:
            case Way.KILL:
                self._kill(part)
            case Way.CLOCK | Way.TORN | Way.RESTART | Way.LOSE_STORE as way:
                self._begin_anew(way)
            case Way.STOP:
                return self._stop(part)
            case Way.SECOND:
                return self._second(part)
            case Way.CUT | Way.STALL | Way.SLOW | Way.DISORDER as way:
                self._links[part].behave(_BEHAVIOURS[way])
                return lambda: self._links[part].behave(SOUND)
            case Way.SESSIONS:
                self._tell_database(_END_SESSIONS)
            case Way.FULL:
                return self._fill(part, fault.seconds)
            case Way.POISON:
                self._spread_poison()
            case _:
                assert_never(fault.kind.way)
        return None

    def look_after(self) -> None:
        """Start again what ended without our doing, and remember it."""
        for service in (*self._town.services, self._town.simulator):
            if not service.is_running:
                self.ended_by_themselves.append(f"{service.name}: {service.log_tail()[-600:]}")
                service.start()
        for server in (self._town.postgres, self._town.broker):
            if not server.is_running:
                self._start_server(server)

    def drain(self) -> None:
        """Let the buses stop, and wait until all that they kept has gone all its way.

        Raises:
            StartError: it does not, in time.
        """
        self._town.simulator.stop()
        self._tell_database(_DELIVER_NOW)
        deadline = time.monotonic() + DRAINED_WITHIN_S
        while True:
            self._drive(for_s=1.0)
            self._wait_until(
                lambda: not self._town.simulator.is_running or self._look_after_services(), 90.0, "the buses end"
            )
            self._town.simulator.stop()
            if (waiting := self._count_waiting()) == 0:
                break
            if time.monotonic() > deadline:
                raise StartError(f"{waiting} messages, pictures and damaged files stay on the buses")
        self._wait_until(self._is_settled, SETTLED_WITHIN_S, "the worker has nothing left to do")
        self._wait_until(self._is_poison_kept, SETTLED_WITHIN_S, "all poison lies in the quarantine")

    def digests(self) -> list[bytes]:
        """Of all poison."""
        return [digest_of(message) for message in self.poison]

    def _targets(self) -> dict[Part, str]:
        return {
            Part.BUS_LINK: self._town.broker.mqtt_url,
            Part.INGEST_LINK: self._town.broker.nats_url,
            Part.DATABASE_LINK: f"postgresql://127.0.0.1:{self._town.postgres.port}",
            Part.RECEIVER_LINK: self._receiver.url,
        }

    def _write_config(self) -> None:
        parts = urlsplit(self.database_url)
        port = urlsplit(self._links[Part.DATABASE_LINK].url).port
        through_link = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}"))
        targets = self._receiver.write_targets(self._place.folder, url=self._links[Part.RECEIVER_LINK].url)
        self._place.write_config(
            database_url=through_link,
            broker_url=self._links[Part.INGEST_LINK].url,
            port=urlsplit(self._town.url).port or 0,
            rules={"notify": targets},
        )

    def _drive(self, *, for_s: float | None, clock_off_s: float | None = None) -> None:
        options = {
            "--seed": self._seed,
            "--buses": self._buses,
            "--full": 0,
            "--for": for_s,
            "--clock-off": clock_off_s,
            "--broker": self._links[Part.BUS_LINK].url,
            "--cloud": self._town.url,
            "--city": CITY,
            "--secrets": self._place.secrets,
            "--work": self._place.folder / "buses",
            "--tokens": self._place.secrets,
        }
        words = [
            "--dense",
            *(str(word) for name, value in options.items() if value is not None for word in (name, value)),
        ]
        self._town.simulator = Service("simulator", ["simulate", *words], log_file=self._place.log("simulator"), env={})
        self._town.simulator.start()

    def _end_buses(self) -> None:
        self._town.simulator.stop()

    def _service(self, part: Part) -> Service:
        return next(service for service in (*self._town.services, self._town.simulator) if service.name == _NAMES[part])

    def _begin_anew(self, way: Literal[Way.CLOCK, Way.TORN, Way.RESTART, Way.LOSE_STORE]) -> None:
        match way:
            case Way.TORN:
                self._kill_service(self._town.simulator)
                self._tear(self._chance.choice(self.outboxes))
                self._drive(for_s=None)
            case Way.CLOCK:
                self._kill_service(self._town.simulator)
                self._drive(for_s=None, clock_off_s=self._chance.choice(_CLOCKS_OFF_S))
            case Way.RESTART:
                self._town.postgres.stop()
                self._start_server(self._town.postgres)
            case Way.LOSE_STORE:
                self._town.broker.kill()
                shutil.rmtree(self._place.folder / "broker" / "store")
                self._start_server(self._town.broker)

    def _kill(self, part: Part) -> None:
        match part:
            case Part.BROKER:
                self._town.broker.kill()
                self._start_server(self._town.broker)
            case Part.DATABASE:
                processes = tree(self._town.postgres.pid)
                self._town.postgres.kill()
                self._wait_until(lambda: not any(map(_is_there, processes)), STARTED_WITHIN_S, "PostgreSQL is gone")
                self._start_server(self._town.postgres)
            case _:
                service = self._service(part)
                self._kill_service(service)
                service.start()

    def _kill_service(self, service: Service) -> None:
        _signal(service.pid, signal.SIGKILL)
        self._wait_until(lambda: not service.is_running, STARTED_WITHIN_S, f"{service.name} is dead")

    def _tear(self, outbox: Path) -> None:
        """What lay in the file is noted first: the ledger lies in it too."""
        self._kept += read_ledgers([outbox])
        self.torn |= read_waiting([outbox])
        tear_page(outbox, self._chance)
        begin_ledger(outbox)

    def _fill(self, part: Part, seconds: float) -> Heal:
        if part is Part.DATABASE:
            self._tell_database(_FILL, seconds)
            return lambda: None
        fill(self._town.simulator.pid)
        return lambda: empty(self._town.simulator.pid)

    def _stop(self, part: Part) -> Heal:
        servers = {Part.BROKER: self._town.broker, Part.DATABASE: self._town.postgres}
        return self._halts.halt(tree((servers.get(part) or self._service(part)).pid))

    def _second(self, part: Part) -> Heal:
        """Another one of the same, for a while; it shares the work, and its death must cost nothing."""
        name = _NAMES[part]
        env = {"BUSENSE_CONFIG": str(self._place.config)}
        second = Service(name, [name], log_file=self._place.log(f"second-{name}"), env=env)
        second.start()

        def kill() -> None:
            _signal(second.pid, signal.SIGKILL)
            second.stop()

        return kill

    def _start_server(self, server: LocalPostgres | LocalBroker) -> None:
        """Start a server whose dying children may still hold what it needs."""
        for number in range(TRIES):
            try:
                server.start()
            except StartError:
                server.kill()
                if number == TRIES - 1:
                    raise
            else:
                return

    def _tell_database(self, statement: LiteralString, *values: object) -> None:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.database_url) as connection:
            connection.execute(statement, values)

    def _spread_poison(self) -> None:
        messages = make_poison(self._chance, city=CITY, device=device_names(self._buses)[0])
        self.poison += messages
        self._publish(messages)

    def _publish(self, messages: list[Message]) -> None:
        password = self._place.cloud_password_file.read_text()
        publish(messages, mqtt_url=self._town.broker.mqtt_url, password=password)

    def _count_waiting(self) -> int:
        """Messages without a receipt, pictures that the cloud waits for, files that are to be salvaged."""
        with psycopg.connect(self.database_url) as connection:
            awaited = {sha256 for (sha256,) in connection.execute(_AWAITED_PICTURES)}
        pictures = read_pictures(self.outboxes) & awaited
        return len(read_waiting(self.outboxes)) + len(pictures) + count_damaged(self.outboxes)

    def _look_after_services(self) -> bool:
        for service in self._town.services:
            if not service.is_running:
                self.ended_by_themselves.append(f"{service.name}: {service.log_tail()[-600:]}")
                service.start()
        return False

    def _is_settled(self) -> bool:
        self._look_after_services()
        with psycopg.connect(self.database_url) as connection:
            return fetch_value(connection, _UNSETTLED) == 0

    def _is_poison_kept(self) -> bool:
        """Publish again what was lost with the broker's store, as whoever sent it would."""
        with psycopg.connect(self.database_url) as connection:
            known = {bytes(digest) for (digest,) in connection.execute(_KNOWN_POISON, (self.digests(),))}
        missing = [message for message in self.poison if digest_of(message) not in known]
        if missing:
            self._publish(missing)
        return not missing

    def _wait_until(self, is_so: Callable[[], bool], timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not is_so():
            if time.monotonic() > deadline:
                raise StartError(f"waited {timeout_s:.0f} s in vain until {what}")
            time.sleep(POLL_S)


_NAMES: Final = {Part.BUSES: "simulator", Part.INGEST: "ingest", Part.WORK: "work", Part.SERVE: "serve"}


def _is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _signal(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
