"""Settings of every cloud process: one TOML file, overridden by environment variables such as BUSENSE_DATABASE__URL."""

import os
import ssl
import sys
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cloud.errors import ConfigError
from telemetry.server import Address
from wire.units import Slug

ENVIRONMENT_PREFIX: Final = "BUSENSE_"
PATH_VARIABLE: Final = "BUSENSE_CONFIG"
_MAX_SECRET_BYTES: Final = 4096


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseConfig(Section):
    """Where the database is; `url_file` keeps a password out of the configuration."""

    url: Annotated[str | None, Field(repr=False)] = None
    url_file: Path | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.url is None) is (self.url_file is None):
            raise ValueError("either url or url_file is expected")
        return self

    def read_url(self) -> str:
        """Tell the URL.

        Raises:
            ConfigError: the file cannot be read.
        """
        return self.url if self.url is not None else _read_secret("database.url_file", self.url_file)


class BrokerKind(StrEnum):
    """How ingest takes messages from the broker."""

    JETSTREAM = "jetstream"
    MQTT = "mqtt"


_SCHEMES_OF_KIND: Final = {BrokerKind.JETSTREAM: ("nats://", "tls://"), BrokerKind.MQTT: ("mqtt://", "mqtts://")}


class BrokerConfig(Section):
    kind: BrokerKind = BrokerKind.JETSTREAM
    url: str
    """JetStream: of a cluster the addresses of its nodes, with commas between."""
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "busense-ingest"
    """The durable consumer's name (shared by all ingesters), or the MQTT client's (one for each ingester)."""
    share: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = None
    """MQTT only: the group of a shared subscription, where the broker has them."""

    @model_validator(mode="after")
    def _scheme_fits(self) -> Self:
        expected = _SCHEMES_OF_KIND[self.kind]
        if not all(node.startswith(expected) for node in self.nodes):
            raise ValueError(f"the url of a {self.kind} broker begins with {' or '.join(expected)}")
        if self.kind is BrokerKind.MQTT and len(self.nodes) > 1:
            raise ValueError("an MQTT client has one broker: name one")
        return self

    @property
    def nodes(self) -> tuple[str, ...]:
        """Address of each node."""
        return tuple(self.url.split(","))

    def read_password(self) -> str | None:
        """Tell the password, if there is one.

        Raises:
            ConfigError: the file cannot be read.
        """
        return None if self.password_file is None else _read_secret("broker.password_file", self.password_file)


class IngestConfig(Section):
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 2000
    """At most; with what comes meanwhile the next one begins. A commit waits for the disk, however much it holds."""
    batch_ms: Annotated[int, Field(ge=1, le=10_000)] = 50
    ack_wait_s: Annotated[int, Field(ge=1, le=600)] = 15
    """JetStream: what an ingester holds for longer without acknowledging it goes to another one."""


class PicturesConfig(Section):
    url: Annotated[str, Field(pattern=r"^(file:///|(s3|gs|az|memory)://)")] = "file:///var/lib/busense/pictures"
    max_bytes: Annotated[int, Field(ge=1024, le=64 * 1024 * 1024)] = 4_194_304


class OidcConfig(Section):
    """A provider by which people sign in (OpenID Connect, authorization code with PKCE)."""

    issuer: Annotated[str, Field(pattern=r"^https?://\S+$")]
    client_id: str
    client_secret_file: Path
    label: Annotated[str, Field(min_length=1, max_length=40)] = "OpenID Connect"
    """What the button on the sign-in page says."""
    name_claim: str = "preferred_username"
    """Claim by which an account (`oidc_name`) is found when its owner comes for the first time."""
    ca_file: Path | None = None

    def read_client_secret(self) -> str:
        """Tell the secret that the provider gave us.

        Raises:
            ConfigError: the file cannot be read.
        """
        return _read_secret("serve.oidc.client_secret_file", self.client_secret_file)


class ServeConfig(Section):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    public_url: Annotated[str | None, Field(pattern=r"^https?://[^/\s]+$")] = None
    """Where people reach the pages, if that is not `host` and `port`: behind a proxy, by TLS."""
    proxies: tuple[str, ...] = ()
    """Addresses of proxies whose X-Forwarded-For is believed; without it the address of the connection counts."""
    visitors: bool = False
    """Whether those who have not signed in may look at findings, cases and roads."""
    contact: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    """Who answers for what is collected about people (office, mail, telephone); stands on the public notice."""
    demo: bool = False
    """Whether the accounts of a demo can be used by a click, without a password."""
    vault_file: Path | None = None
    """Key under which second factors lie in the database; drawn when there is no such file.

    Without it they lie there in the clear.
    """
    oidc: OidcConfig | None = None
    blur_command: tuple[str, ...] = (sys.executable, "-m", "busense", "blur")
    """Makes a photo of a crew safe: JPEG or PNG on its input, JPEG without faces and plates on its output."""

    @property
    def origin(self) -> str:
        """Where people reach the pages."""
        return self.public_url or f"http://{self.host}:{self.port}"


class FleetConfig(Section):
    authority: Path | None = None
    """Folder of the city's certificate authority (`busense fleet authority`), for the server that enrols buses."""
    release_keys: tuple[str, ...] = ()
    """Public keys (minisign) of who may sign releases for buses; without one no release is taken."""


class WorkConfig(Section):
    catalogue: Path | None = None
    """Classes and rules of this city; without it the one shipped in the package."""
    condition: Path | None = None
    """How the condition of roads is estimated; without it as shipped in the package."""
    handling: Path | None = None
    """Calendar, clock, areas and crews of this city; without it the one shipped in the package."""
    water: Path | None = None
    """From where on water over a road is a flood; without it as shipped in the package."""
    furniture: Path | None = None
    """Kinds of street furniture, and when one is missing, hidden or damaged; without it as shipped in the package."""
    driving: Path | None = None
    """What counts as speeding, and who is scored; without it as shipped in the package."""
    travel: Path | None = None
    """What tags and readers do, and how people move who are looked for; without it as shipped in the package."""
    notify: Path | None = None
    """Who is told of what by webhook, mail and chat; without it nobody."""
    retention: Path | None = None
    """How long what is kept, and when the worker purges; without it as shipped in the package."""


class Jt808Config(Section):
    """Where terminals that speak JT/T 808 come to; see `busense bridge jt808`."""

    broker: BrokerConfig
    """By MQTT, as buses come: kind = "mqtt"."""
    host: str = "0.0.0.0"  # noqa: S104 - terminals come from anywhere
    port: Annotated[int, Field(ge=0, le=65_535)] = 8808
    connections: Annotated[int, Field(ge=1, le=100_000)] = 20_000
    strangers: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Of these, so many that have not yet said who they are; an address with many makes room for one with fewer."""
    strangers_of_address: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Of these, so many of one address (of IPv6 of one /64).

    More where all terminals come through one: after an outage they come all at once.
    """
    frames_per_s: Annotated[float, Field(gt=0, le=1000)] = 5.0
    """What one terminal may send, on average over a minute."""
    idle_s: Annotated[float, Field(ge=1, le=3600)] = 300.0
    attachments_host: str | None = None
    """Address at which terminals reach this server for pictures of alarms; without it none are asked for.

    Pictures are blurred before they are kept; what cannot be blurred, as videos, is not kept.
    """

    @model_validator(mode="after")
    def _is_by_mqtt(self) -> Self:
        if self.broker.kind is not BrokerKind.MQTT:
            raise ValueError('broker.kind: "mqtt" is expected, the way of the buses')
        return self


class GtfsRtConfig(Section):
    """A feed of vehicle positions of the bus company; see `busense bridge gtfs-rt`."""

    broker: BrokerConfig
    """By MQTT, as buses come: kind = "mqtt"."""
    url: Annotated[str, Field(pattern=r"^(https?://|/)\S+$")]
    """http(s), or the absolute path of a file that somebody renews."""
    every_s: Annotated[float, Field(ge=1, le=3600)] = 15.0
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "Authorization"
    header_file: Path | None = None
    """What that header says, such as `Bearer …`, where the feed asks for it."""
    ca_file: Path | None = None
    prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,15}-$")] = "gtfs-"
    """Before a vehicle's id in the names of devices."""
    vehicles: Annotated[int, Field(ge=1, le=20_000)] = 2_000
    """So many devices are made of it; more are left out."""

    @model_validator(mode="after")
    def _is_by_mqtt(self) -> Self:
        if self.broker.kind is not BrokerKind.MQTT:
            raise ValueError('broker.kind: "mqtt" is expected, the way of the buses')
        return self

    @property
    def path(self) -> Path | None:
        """The file, if it is one."""
        return Path(self.url) if self.url.startswith("/") else None

    def headers(self) -> dict[str, str]:
        """What the feed asks for.

        Raises:
            ConfigError: the file cannot be read.
        """
        return {} if self.header_file is None else {self.header: _read_secret("gtfs_rt.header_file", self.header_file)}

    def context(self) -> ssl.SSLContext:
        """Whom to believe that it is the feed."""
        return ssl.create_default_context(cafile=self.ca_file)


class TelemetryConfig(Section):
    """Where each process tells metrics and health (HOST:PORT); without an address nobody is told."""

    ingest: Address | None = None
    work: Address | None = None
    serve: Address | None = None


class CloudConfig(BaseSettings):
    """Everything; the environment wins over the file."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    city: Slug
    database: DatabaseConfig
    broker: BrokerConfig | None = None
    ingest: IngestConfig = IngestConfig()
    pictures: PicturesConfig = PicturesConfig()
    serve: ServeConfig = ServeConfig()
    work: WorkConfig = WorkConfig()
    fleet: FleetConfig = FleetConfig()
    jt808: Jt808Config | None = None
    gtfs_rt: GtfsRtConfig | None = None
    telemetry: TelemetryConfig = TelemetryConfig()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    def require_broker(self) -> BrokerConfig:
        """Give the broker's settings.

        Raises:
            ConfigError: there are none.
        """
        if self.broker is None:
            raise ConfigError("broker: this command needs a [broker] section with kind and url")
        return self.broker


def load_config(path: Path | None = None) -> CloudConfig:
    """Read the settings from `path`, else from the file that BUSENSE_CONFIG names, else from the environment alone.

    Raises:
        ConfigError: naming file, key and expectation.
    """
    chosen = path or (Path(name) if (name := os.environ.get(PATH_VARIABLE)) else None)
    values = {} if chosen is None else _read_toml(chosen)
    try:
        return CloudConfig(**values)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        raise ConfigError(_describe(error, chosen)) from error


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _describe(error: ValidationError, path: Path | None) -> str:
    """One line for each fault, without the values: they may be secret."""
    lines = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_input=False)]
    return "\n".join(f"{path or 'environment'}: {line}" for line in lines)


def _read_secret(key: str, path: Path | None) -> str:
    if path is None:
        raise ConfigError(f"{key}: a file is expected")
    try:
        with path.open() as file:
            return file.read(_MAX_SECRET_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{key}: {error}") from error
