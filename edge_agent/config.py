"""Configuration of one bus: a TOML file, read once."""

import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit

import minisign
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from edge_agent.errors import ConfigurationError
from telemetry.server import Address
from wire.messages import DrivingKind, Quantity
from wire.units import Lat, Lon, Name, Slug

FRAMES_PER_S: Final = 8.0  # at 15 m/s a frame each 2 m
WAITING_BYTES: Final = 268_435_456  # of frames that wait for the fix after them ...
NEXT_FIX_S: Final = 1.2  # ... which is so long away: a receiver of 1 Hz, with its delay
_BYTES_PER_PX: Final = 3
MODELS: Final = Path(__file__).resolve().parent.parent / "models"


def _from_folder(path: Path, info: ValidationInfo) -> Path:
    """Mean a relative path from the folder of the configuration file, which comes as context."""
    return info.context / path if isinstance(info.context, Path) else path


def _that_exists(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"{path} is no file")
    return path


def _source_from_folder(source: str, info: ValidationInfo) -> str:
    """The same for a source that is a path."""
    is_path = source and not source.startswith("gst:") and "://" not in source
    return str(_from_folder(Path(source), info)) if is_path else source


def _that_verifies(key: str) -> str:
    try:
        minisign.PublicKey.from_base64(key)
    except minisign.Error as error:
        raise ValueError(f"{key[:80]!r} is no public key of minisign: {error}") from error
    return key


def _that_leads_somewhere(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0:  # asking for the port raises where there can be none
        raise ValueError(f"{url} names no host, or a port that nobody listens at")
    return url


SourceAddress = Annotated[str, AfterValidator(_source_from_folder)]
LocalPath = Annotated[Path, AfterValidator(_from_folder)]
LocalFile = Annotated[LocalPath, AfterValidator(_that_exists)]
PublicKey = Annotated[str, AfterValidator(_that_verifies)]
BrokerUrl = Annotated[str, Field(pattern=r"^mqtts?://[^/@\s]+$"), AfterValidator(_that_leads_somewhere)]
Provider = Literal["cpu", "cuda", "tensorrt"]
Precision = Literal["fp32", "int8"]
SomeConfig = TypeVar("SomeConfig", bound=BaseModel)
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Document = dict[str, Any]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Identity(_Section):
    city: Slug
    device: Slug
    secret_file: LocalFile
    certificate_file: LocalFile | None = None
    """Certificate and key in one file (`busense enrol` writes it), by which the broker knows the bus."""

    def secret(self) -> str:
        """Read the device's secret.

        Raises:
            ConfigurationError: the file cannot be read or is empty.
        """
        return _read_secret(self.secret_file, "identity.secret_file")


def _read_secret(file: Path, key: str) -> str:
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{key} {file} cannot be read: {error}") from error
    if not secret:
        raise ConfigurationError(f"{key} {file} is empty; a secret is expected")
    return secret


class Broker(_Section):
    """The cloud's broker, and those of stops, which carry what is handed over to them; one of both is needed."""

    url: BrokerUrl | None = None
    relays: Annotated[tuple[BrokerUrl, ...], Field(max_length=8)] = ()
    ca_file: LocalFile | None = None

    @model_validator(mode="after")
    def _lead_somewhere(self) -> Self:
        if self.url is None and not self.relays:
            raise ValueError("url is missing: mqtts://HOST:PORT is expected, or relays of stops")
        return self


class Cloud(_Section):
    url: Annotated[str, Field(pattern=r"^https?://\S+$"), AfterValidator(_that_leads_somewhere)]
    ca_file: LocalFile | None = None


class Camera(_Section):
    """Where the frames come from and how the lens looks at the road; see `vision.ground.CameraModel`."""

    id: Name = "front"
    source: SourceAddress = ""  # /dev/video0, rtsp://…, gst:<pipeline>, or a folder or file to replay
    upside_down: bool = False  # the camera hangs so: frames are turned first, all else here is of what is seen then
    frames_per_s: Annotated[float, Field(gt=0, le=60)] = FRAMES_PER_S
    width_px: Annotated[int, Field(ge=16, le=8192)]
    height_px: Annotated[int, Field(ge=16, le=8192)]
    focal_px: Positive
    height_m: Positive
    pitch_deg: Annotated[float, Field(gt=-45, lt=80)]
    yaw_deg: Annotated[float, Field(ge=-90, le=90)] = 0.0
    forward_m: float = 0.0
    right_m: float = 0.0
    roll_deg: Annotated[float, Field(ge=-30, le=30)] = 0.0
    k1: Annotated[float, Field(ge=-1, le=1)] = 0.0
    k2: Annotated[float, Field(ge=-1, le=1)] = 0.0
    p1: Annotated[float, Field(ge=-0.1, le=0.1)] = 0.0
    p2: Annotated[float, Field(ge=-0.1, le=0.1)] = 0.0

    @model_validator(mode="after")
    def _fit_into_memory(self) -> Self:
        most = WAITING_BYTES / (NEXT_FIX_S * _BYTES_PER_PX * self.width_px * self.height_px)
        if self.frames_per_s > most:
            raise ValueError(
                f"{self.frames_per_s:g} frames of {self.width_px} x {self.height_px} a second are more than the"
                f" {WAITING_BYTES / 1e6:.0f} MB that frames may take while they wait {NEXT_FIX_S:g} s for a fix:"
                f" frames_per_s of at most {math.floor(10 * most) / 10:g} is expected, or a smaller picture"
            )
        return self


class Gnss(_Section):
    source: SourceAddress = ""  # /dev/ttyUSB0, tcp://host:port (NMEA), gpsd://host:port, or a track file to replay


class Imu(_Section):
    """An inertial sensor, mounted in any way: the agent finds out where it points."""

    source: Annotated[SourceAddress, Field(min_length=1)]
    """A folder of Linux's industrial I/O (/sys/bus/iio/devices), or a CSV file to replay."""
    readings_per_s: Annotated[float, Field(ge=5, le=200)] = 25.0


class DrivingSettings(_Section):
    """From where on driving is harsh, standing is idling and a rest is due; without this section nobody watches.

    Trackers of cars use 4.4 m/s2 along the road and 5.5 across it. What standing passengers bear is less, and not
    settled: 2.5 to 3 is said. Each city must set what it means.
    """

    braking_mps2: Positive = 2.8
    acceleration_mps2: Positive = 2.5
    cornering_mps2: Positive = 2.8
    min_s: Annotated[float, Field(ge=0.1, le=10)] = 0.4
    idling_s: Annotated[float, Field(ge=10, le=86_400)] = 300.0
    driving_s: Annotated[float, Field(ge=60, le=86_400)] = 4 * 3600.0  # as the traffic law of China has it ...
    rest_s: Annotated[float, Field(ge=10, le=86_400)] = 20 * 60.0  # ... and so long a rest
    perclos: Annotated[float, Field(gt=0, lt=1)] = 0.12  # 0.10 to 0.15 is said
    away_s: Annotated[float, Field(ge=0.5, le=60)] = 3.0
    away_deg: Annotated[float, Field(ge=10, le=90)] = 35.0  # a mirror is nearer than that
    phone: Annotated[float, Field(gt=0, lt=1)] = 0.6  # belief from which a phone is held; of somebody's model: set it
    phone_s: Annotated[float, Field(ge=0.5, le=60)] = 2.0  # ... for so long
    clips: tuple[DrivingKind, ...] = ()  # with events of these kinds go ten seconds of the road, blurred


class DriverCamera(_Section):
    """A camera at the driver, where that is allowed; only what the eyes and hands do leaves it."""

    source: Annotated[SourceAddress, Field(min_length=1)]
    manifest: LocalPath = MODELS / "eyes" / "manifest.toml"
    model: LocalFile | None = None  # ONNX instead of ours, see vision/driver_eyes.py
    phone: LocalFile | None = None  # manifest of an ONNX that knows phones, see vision/driver_phone.py; none: not told
    width_px: Annotated[int, Field(ge=16, le=8192)] = 640
    height_px: Annotated[int, Field(ge=16, le=8192)] = 480
    frames_per_s: Annotated[float, Field(ge=4, le=30)] = 8.0


class Door(_Section):
    """A door's contact at a digital input of the computer."""

    file: LocalPath  # /sys/class/gpio/gpio17/value
    open_reads: Literal[0, 1] = 1


class Ble(_Section):
    """A Bluetooth receiver for the tags that people wear; it hears nothing else."""

    adapter: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,32}$")] | None = None  # hci0; without it the first one


class Place(_Section):
    """Where a stop stands; it needs neither a receiver nor a camera."""

    lon: Lon
    lat: Lat
    accuracy_m: Annotated[float, Field(gt=0, le=1000)] = 3.0


class ModbusRegister(_Section):
    """One value of a sensor: what it is, where it is read, and how it becomes SI."""

    sensor: Slug
    quantity: Quantity
    unit: Annotated[int, Field(ge=1, le=247)]
    """The device on the line."""
    address: Annotated[int, Field(ge=0, le=65_535)]
    """Of the register, as it goes over the line: from 0, a manual's 40001 is 0."""
    table: Literal["holding", "input"] = "holding"
    type: Literal["uint16", "int16", "uint32", "int32", "float32"] = "int16"
    word_order: Literal["big", "little"] = "big"
    """Of values of two registers: which of them comes first."""
    scale: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    offset: Annotated[float, Field(allow_inf_nan=False)] = 0.0


class ModbusLine(_Section):
    """Sensors on one RS-485 line, which speak Modbus RTU."""

    port: LocalPath  # /dev/ttyUSB0
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    every_s: Annotated[float, Field(ge=0.1, le=3600)] = 5.0
    timeout_s: Annotated[float, Field(ge=0.05, le=10)] = 0.5
    registers: Annotated[tuple[ModbusRegister, ...], Field(min_length=1, max_length=32)]


class OneWireSensor(_Section):
    """A thermometer by 1-Wire: /sys/bus/w1/devices/28-…/w1_slave."""

    sensor: Slug
    file: LocalPath


class SensorSettings(_Section):
    """What a stop measures."""

    report_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    modbus: Annotated[tuple[ModbusLine, ...], Field(max_length=8)] = ()
    one_wire: Annotated[tuple[OneWireSensor, ...], Field(max_length=32)] = ()
    one_wire_every_s: Annotated[float, Field(ge=1, le=3600)] = 10.0


class Replay(_Section):
    pace: Literal["real_time", "fast"] = "real_time"
    start: Literal["recorded", "now"] = "recorded"


class Model(_Section):
    manifest: LocalPath = MODELS / "road_damage" / "manifest.toml"
    threads: Annotated[int, Field(ge=1, le=64)] = 2  # of the network; the agent's own thread is one of them
    provider: Provider = "cpu"
    precision: Precision = "fp32"
    engine_cache: LocalPath | None = None  # folder for what TensorRT builds at the first start


class FurnitureSettings(_Section):
    """Signs, rails, poles, covers, hydrants and bins beside the road, by a model of its own; none comes with this."""

    manifest: LocalPath  # its table [furniture] says which class is what
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    every_m: Annotated[float, Field(ge=0.5, le=20)] = 2.0  # of way, one frame is looked at


class Shadow(_Section):
    """A new model beside the one in use; only the cloud asks for it, by what is desired of this bus."""

    manifest: LocalPath
    package: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    share: Annotated[float, Field(gt=0, le=1)]  # of the frames


class Privacy(_Section):
    faces: LocalPath = MODELS / "faces" / "manifest.toml"
    no_pictures: LocalFile | None = None
    """GeoJSON polygons in and near which no picture is kept."""


class OutboxSettings(_Section):
    path: LocalPath
    max_bytes: Annotated[int, Field(ge=1_000_000)] = 2_000_000_000


class TrackSettings(_Section):
    batch_s: Annotated[float, Field(ge=1, le=60)] = 10.0


class HealthSettings(_Section):
    every_s: Annotated[float, Field(ge=1, le=3600)] = 60.0


class CoverageSettings(_Section):
    stretch_m: Annotated[float, Field(ge=10, le=1000)] = 100.0


class TelemetrySettings(_Section):
    address: Address | None = None
    """Where metrics and health are told (HOST:PORT); without it nobody is told."""


class UpdateSettings(_Section):
    """Models and settings that the cloud rolls out; without this section the bus takes none."""

    folder: LocalPath
    keys: Annotated[tuple[PublicKey, ...], Field(min_length=1)]
    """Public keys of minisign, in base64: what none of them has signed is not used."""
    trial_s: Annotated[float, Field(ge=1, le=86_400)] = 300.0


class AgentConfig(_Section):
    """Everything that a bus or a stop must be told."""

    identity: Identity
    broker: Broker
    cloud: Cloud
    camera: Camera | None = None
    place: Place | None = None
    sensors: SensorSettings | None = None
    gnss: Gnss = Gnss()
    ble: Ble | None = None
    imu: Imu | None = None
    driving: DrivingSettings | None = None
    driver_camera: DriverCamera | None = None
    door: Door | None = None
    replay: Replay = Replay()
    model: Model = Model()
    furniture: FurnitureSettings | None = None
    shadow: Shadow | None = None
    privacy: Privacy = Privacy()
    outbox: OutboxSettings
    track: TrackSettings = TrackSettings()
    health: HealthSettings = HealthSettings()
    coverage: CoverageSettings = CoverageSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    updates: UpdateSettings | None = None

    @model_validator(mode="after")
    def _can_sign_for_relays(self) -> Self:
        if self.broker.relays and self.identity.certificate_file is None:
            raise ValueError("broker.relays: identity.certificate_file is expected, with the key that signs for them")
        return self

    @model_validator(mode="after")
    def _bus_or_stop(self) -> Self:
        if self.camera is None and self.place is None:
            raise ValueError("camera is missing: a bus needs one; a stop says where it stands by place")
        if self.place is None and self.sensors is not None:
            raise ValueError("sensors: place is missing, with lon and lat of the stop")
        if self.place is not None and (self.gnss.source or self.driving is not None):
            raise ValueError("place is of a stop, which has no gnss.source and is not driven")
        if self.camera is None and self.shadow is not None:
            raise ValueError("shadow: a model needs a camera to look with")
        if self.camera is None and self.furniture is not None:
            raise ValueError("furniture: a model needs a camera to look with")
        return self

    @model_validator(mode="after")
    def _is_watched(self) -> Self:
        sensors = {"imu": self.imu, "door": self.door, "driver_camera": self.driver_camera}
        idle = [name for name, section in sensors.items() if section is not None]
        if idle and self.driving is None:
            raise ValueError(f"{', '.join(idle)}: [driving] is missing, so nobody watches how the bus is driven")
        return self


class StopBroker(_Section):
    """The broker of the stop itself, to which buses come."""

    url: BrokerUrl
    ca_file: LocalFile | None = None
    user: Name
    password_file: LocalFile

    def password(self) -> str:
        """Read it.

        Raises:
            ConfigurationError: the file cannot be read or is empty.
        """
        return _read_secret(self.password_file, "stop.password_file")


class CloudBroker(_Section):
    url: BrokerUrl
    ca_file: LocalFile | None = None


class RelayIdentity(_Section):
    """Who a stop is to the cloud's broker: by its certificate and key, or by a secret."""

    city: Slug
    device: Slug
    certificate_file: LocalFile | None = None
    secret_file: LocalFile | None = None

    @model_validator(mode="after")
    def _are_somebody(self) -> Self:
        if (self.certificate_file is None) is (self.secret_file is None):
            raise ValueError("certificate_file is missing, or there is a secret_file too: one of both is expected")
        return self

    def secret(self) -> str | None:
        """Read the secret, where there is one.

        Raises:
            ConfigurationError: the file cannot be read or is empty.
        """
        return None if self.secret_file is None else _read_secret(self.secret_file, "identity.secret_file")


class RelayConfig(_Section):
    """Everything that a stop must be told to carry what buses hand over."""

    identity: RelayIdentity
    broker: CloudBroker
    stop: StopBroker
    telemetry: TelemetrySettings = TelemetrySettings()


class DeskConfig(BaseModel):
    """What of a bus's configuration a recording needs."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    camera: Camera
    model: Model = Model()


def load_config(path: Path) -> AgentConfig:
    """Read a configuration file; relative paths in it are meant from the folder it lies in.

    Raises:
        ConfigurationError: names the file and each key that is wrong.
    """
    return _load(path, AgentConfig)


def load_relay_config(path: Path) -> RelayConfig:
    """Read the configuration of a stop's relay.

    Raises:
        ConfigurationError: names the file and each key that is wrong.
    """
    return _load(path, RelayConfig)


def load_desk_config(path: Path) -> DeskConfig:
    """Read the same file away from the bus: its secret and its outbox are not looked at.

    Raises:
        ConfigurationError: names the file and each key that is wrong.
    """
    return _load(path, DeskConfig)


def read_document(path: Path) -> Document:
    """Read a configuration file as it stands.

    Raises:
        ConfigurationError: it is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def check_document(document: Document, *, folder: Path, name: str) -> AgentConfig:
    """Check what a configuration file says, or what was made of it; relative paths are meant from the folder.

    Raises:
        ConfigurationError: names the document and each key that is wrong.
    """
    return _check(document, AgentConfig, folder=folder, name=name)


def _load(path: Path, kind: type[SomeConfig]) -> SomeConfig:
    return _check(read_document(path), kind, folder=path.resolve().parent, name=str(path))


def _check(document: Document, kind: type[SomeConfig], *, folder: Path, name: str) -> SomeConfig:
    try:
        return kind.model_validate(document, context=folder)
    except ValidationError as error:
        raise ConfigurationError(_in_plain_words(name, error)) from error


def _in_plain_words(name: str, error: ValidationError) -> str:
    problems = [
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return f"{name}: " + "; ".join(problems)
