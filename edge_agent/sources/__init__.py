"""One file per sensor; each yields readings. Here the configuration's words become sources."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from edge_agent.config import AgentConfig, Camera, DriverCamera, SensorSettings
from edge_agent.errors import ConfigurationError
from edge_agent.readings import Reading, Source
from edge_agent.sources.ble import BleSource, open_bleak
from edge_agent.sources.camera import GSTREAMER, CameraSource
from edge_agent.sources.door import DoorSource
from edge_agent.sources.driver_camera import DriverCameraSource, Eyes
from edge_agent.sources.gps import GpsSource
from edge_agent.sources.imu import ImuSource, read_imu_file
from edge_agent.sources.modbus import ModbusSource
from edge_agent.sources.one_wire import OneWireSource
from edge_agent.sources.place import PlaceSource
from edge_agent.sources.replay import ReplaySource
from edge_agent.sources.turned import TurnedSource


def make_sources(
    config: AgentConfig,
    *,
    now: Callable[[], datetime],
    hear: Callable[[datetime], datetime],
    eyes: Eyes | None = None,
) -> list[Source]:
    """Make the sources that a configuration names; `hear` is told the time of each fix of a receiver.

    Without `eyes` nobody looks at the driver.

    Raises:
        ConfigurationError: one is not named, or what it needs is not installed.
    """
    camera, gnss = config.camera, config.gnss
    if (camera is not None and not camera.source) or not (gnss.source or config.place):
        raise ConfigurationError("camera.source and gnss.source must both name a device, an address or a recording")
    if camera is not None and _names_a_file(camera.source):
        if not Path(camera.source).exists():
            raise ConfigurationError(f"camera.source {camera.source} does not exist")
        return [_upright(_replay(config, camera, now), camera)]
    wanted: list[Source | None] = [
        None if camera is None else _upright(_camera(camera, now), camera),
        GpsSource(gnss.source, hear=hear) if config.place is None else PlaceSource(config.place, now=now),
        *_tag_readers(config, now),
        *([] if config.sensors is None else _sensors(config.sensors, now)),
        None
        if config.imu is None
        else ImuSource(Path(config.imu.source), readings_per_s=config.imu.readings_per_s, now=now),
        None if config.door is None else DoorSource(config.door, now=now),
        None if config.driver_camera is None or eyes is None else _driver_camera(config.driver_camera, eyes, now),
    ]
    return [source for source in wanted if source is not None]


def _camera(settings: Camera, now: Callable[[], datetime]) -> Source:
    return CameraSource(
        settings.source,
        camera_id=settings.id,
        width_px=settings.width_px,
        height_px=settings.height_px,
        frames_per_s=settings.frames_per_s,
        now=now,
    )


def _upright(source: Source, camera: Camera) -> Source:
    return TurnedSource(source) if camera.upside_down else source


def _sensors(settings: SensorSettings, now: Callable[[], datetime]) -> Iterator[Source]:
    for line in settings.modbus:
        yield ModbusSource(line, now=now)
    if settings.one_wire:
        yield OneWireSource(settings.one_wire, every_s=settings.one_wire_every_s, now=now)


def _driver_camera(settings: DriverCamera, eyes: Eyes, now: Callable[[], datetime]) -> Source:
    camera = CameraSource(
        settings.source,
        camera_id="driver",
        width_px=settings.width_px,
        height_px=settings.height_px,
        frames_per_s=settings.frames_per_s,
        now=now,
    )
    return DriverCameraSource(camera, eyes)


def _tag_readers(config: AgentConfig, now: Callable[[], datetime]) -> list[Source]:
    return [] if config.ble is None else [BleSource(now=now, open_scanner=open_bleak(config.ble.adapter))]


def _names_a_file(source: str) -> bool:
    """Whether a camera's source is a folder or file to replay."""
    return not (source.startswith((GSTREAMER, "/dev/")) or "://" in source)


def _replay(config: AgentConfig, camera: Camera, now: Callable[[], datetime]) -> ReplaySource:
    return ReplaySource(
        frames=Path(camera.source),
        track=Path(config.gnss.source),
        camera_id=camera.id,
        frames_per_s=camera.frames_per_s,
        pace=config.replay.pace,
        start=config.replay.start,
        now=now,
        others=_recorded_others(config),
    )


def _recorded_others(config: AgentConfig) -> list[Iterator[Reading]]:
    """What other sensors recorded beside frames and track."""
    return [] if config.imu is None else [read_imu_file(Path(config.imu.source))]
