"""Where a demo keeps its things: a folder with secrets, configuration, logs and data."""

import json
import secrets
import shutil
import socket
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from busense.errors import StartError
from busense.local.processes import is_free
from cloud.cases.handling import shipped_handling
from cloud.fleet.authority import Authority
from cloud.fleet.enrolment import admit, make_code
from cloud.people.accounts import Accounts, Wish
from cloud.people.model import Actor, Role
from cloud.people.permissions import FOR_TOKENS, GRANTS
from cloud.people.tokens import add_token
from edge_agent.durable import replace_file
from edge_agent.enrol import draw_key
from simulator.devices import key_file, secret_file

CITY: Final = "demo"
STOP: Final = "stop-1"
FIRST_PORT: Final = 8080
PORTS_TRIED: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The folder of one demo."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "cloud.toml"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def cloud_password_file(self) -> Path:
        return self.secrets / "cloud.password"

    @property
    def stop_password_file(self) -> Path:
        return self.secrets / "stop.password"

    @property
    def relay_config(self) -> Path:
        return self.folder / "relay.toml"

    @property
    def station_config(self) -> Path:
        return self.folder / "station.toml"

    @property
    def water_rules(self) -> Path:
        return self.folder / "water.toml"

    @property
    def roads(self) -> Path:
        return self.folder / "roads.geojson"

    @property
    def furniture_rules(self) -> Path:
        return self.folder / "kinds.toml"

    @property
    def status(self) -> Path:
        """What the simulator tells of itself."""
        return self.folder / "simulation.json"

    def token_file(self, name: str) -> Path:
        return self.secrets / f"{name}.token"

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def make_secrets(self, devices: list[str]) -> dict[str, str]:
        """Draw a secret for each device and the passwords of both brokers, each in a file for its owner alone."""
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        _write_secret(self.cloud_password_file)
        _write_secret(self.stop_password_file)
        return {device: _write_secret(secret_file(self.secrets, device)) for device in devices}

    def make_signing_bus(self, connection: Connection[Any], device: str, *, at: datetime) -> None:
        """Enrol a bus with a certificate, whose key signs what stops carry for it."""
        authority = self.folder / "authority"
        if not authority.exists():
            Authority.create(authority, city=CITY, at=at)
        draft, code = draw_key(device), make_code(connection, city=CITY, device=device, at=at)
        admitted = admit(connection, Authority.load(authority), code=code, request=draft.request_pem, at=at)
        replace_file(key_file(self.secrets, device), admitted.certificate.pem.encode() + draft.key_pem, is_private=True)
        replace_file(secret_file(self.secrets, device), admitted.secret.encode(), is_private=True)

    def write_relay_config(self, *, broker_url: str, stop_broker_url: str) -> None:
        """Write the configuration of the stop's relay."""
        sections = {
            "identity": {"city": CITY, "device": STOP, "secret_file": str(secret_file(self.secrets, STOP))},
            "broker": {"url": broker_url},
            "stop": {"url": stop_broker_url, "user": "cloud", "password_file": str(self.stop_password_file)},
        }
        self.relay_config.write_text(_as_toml(sections))

    def make_people(self, connection: Connection[Any], *, at: datetime) -> None:
        """Give an administrator, a desk and the shipped crews accounts; tokens lie with the other secrets."""
        people = [Wish(name="boss", role=Role.ADMIN, is_demo=True), Wish(name="desk", role=Role.OPERATOR, is_demo=True)]
        people += [Wish(name=name, role=Role.CARE, is_demo=True) for name in ("care", "care-2")]
        people += [
            Wish(name=f"crew-{key}", role=Role.CREW, unit=crew.unit, crew=key, is_demo=True)
            for key, crew in shipped_handling().crews.items()
        ]
        accounts = Accounts(connection=connection, at=at, actor="system:demo")
        for wish in people:
            accounts.add(wish)
            if wish.role is not Role.ADMIN:
                self._make_token(connection, wish, at=at)

    def _make_token(self, connection: Connection[Any], wish: Wish, *, at: datetime) -> None:
        actor = Actor(name=wish.name, role=wish.role, unit=wish.unit, crew=wish.crew)
        secret = _write_secret(self.token_file(wish.name))
        scopes = FOR_TOKENS & GRANTS[wish.role]
        add_token(connection, actor, label="simulator", scopes=scopes, at=at, expires_at=None, secret=secret)

    def write_config(
        self, *, database_url: str, broker_url: str, port: int, rules: Mapping[str, Path] | None = None
    ) -> None:
        """Write the configuration of all cloud processes; the worker has more files of rules than usual in `rules`."""
        pictures = self.folder / "pictures"
        pictures.mkdir(exist_ok=True)
        usual = {"furniture": self.furniture_rules, "water": self.water_rules}
        sections = {
            "database": {"url": database_url},
            "broker": {
                "kind": "jetstream",
                "url": broker_url,
                "user": "cloud",
                "password_file": str(self.cloud_password_file),
            },
            "pictures": {"url": pictures.resolve().as_uri()},
            "work": {name: str(file) for name, file in (usual | dict(rules or {})).items()},
            "serve": {"host": "127.0.0.1", "port": port, "visitors": True, "demo": True},
        }
        self.config.touch(mode=0o600)
        self.config.write_text(f"city = {json.dumps(CITY)}\n{_as_toml(sections)}")


def _as_toml(sections: Mapping[str, Mapping[str, object]]) -> str:
    """A JSON string or number is also one of TOML."""
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        for name, values in sections.items()
    )


def _write_secret(path: Path) -> str:
    secret = secrets.token_urlsafe(32)
    path.touch(mode=0o600)
    path.write_text(secret)
    return secret


@contextmanager
def demo_place(keep: Path | None) -> Generator[Place]:
    """A temporary folder that is gone afterwards, or an empty one that is kept.

    Raises:
        StartError: the folder to keep is not empty.
    """
    if keep is None:
        # Named before it is made: an interruption at any instant finds somebody who removes it.
        folder = Path(tempfile.gettempdir()) / f"busense-demo-{secrets.token_hex(8)}"
        try:
            folder.mkdir(mode=0o700)
            yield Place(folder=folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise StartError(f"{keep} is not empty; a demo begins with an empty folder")
    yield Place(folder=keep.resolve())


@contextmanager
def port_of_page(wanted: int | None) -> Generator[int]:
    """The wanted port, or the first free one from 8080 on; no other demo chooses it meanwhile.

    Raises:
        StartError: it is taken.
    """
    candidates = range(FIRST_PORT, FIRST_PORT + PORTS_TRIED) if wanted is None else [wanted]
    for port in candidates:
        with socket.socket(type=socket.SOCK_DGRAM) as claim:
            if _is_claimed(claim, port) and is_free(port):
                yield port
                return
    raise StartError(f"port {candidates[0]} of 127.0.0.1 is taken by another program; choose one with --port")


def _is_claimed(claim: socket.socket, port: int) -> bool:
    """Take the number for datagrams, which nobody sends: it is long until something listens on the port itself."""
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
