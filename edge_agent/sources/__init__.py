"""One file per sensor; each yields readings. Here the configuration's words become sources."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from edge_agent.config import AgentConfig, DriverCamera
from edge_agent.errors import ConfigurationError
from edge_agent.readings import Reading, Source
from edge_agent.sources.ble import BleSource, open_bleak
from edge_agent.sources.camera import GSTREAMER, CameraSource
from edge_agent.sources.driver_camera import DriverCameraSource, OnnxEyes
from edge_agent.sources.gps import GpsSource
from edge_agent.sources.imu import ImuSource, read_imu_file
from edge_agent.sources.replay import ReplaySource


def make_sources(
    config: AgentConfig, *, now: Callable[[], datetime], hear: Callable[[datetime], datetime]
) -> list[Source]:
    """Make the sources that a configuration names; `hear` is told the time of each fix of a receiver.

    Raises:
        ModelError: that of the driver's camera cannot be used.
        ConfigurationError: one is not named, or what it needs is not installed.
    """
    camera, gnss = config.camera, config.gnss
    if not camera.source or not gnss.source:
        raise ConfigurationError("camera.source and gnss.source must both name a device, an address or a recording")
    if _names_a_file(camera.source):
        if not Path(camera.source).exists():
            raise ConfigurationError(f"camera.source {camera.source} does not exist")
        return [_replay(config, now)]
    wanted: list[Source | None] = [
        CameraSource(
            camera.source,
            camera_id=camera.id,
            width_px=camera.width_px,
            height_px=camera.height_px,
            frames_per_s=camera.frames_per_s,
            now=now,
        ),
        GpsSource(gnss.source, hear=hear),
        *_tag_readers(config, now),
        None
        if config.imu is None
        else ImuSource(Path(config.imu.source), readings_per_s=config.imu.readings_per_s, now=now),
        None if config.driver_camera is None else _driver_camera(config.driver_camera, now),
    ]
    return [source for source in wanted if source is not None]


def _driver_camera(settings: DriverCamera, now: Callable[[], datetime]) -> Source:
    camera = CameraSource(
        settings.source,
        camera_id="driver",
        width_px=settings.width_px,
        height_px=settings.height_px,
        frames_per_s=settings.frames_per_s,
        now=now,
    )
    return DriverCameraSource(camera, OnnxEyes(settings.model))


def _tag_readers(config: AgentConfig, now: Callable[[], datetime]) -> list[Source]:
    return [] if config.ble is None else [BleSource(now=now, open_scanner=open_bleak(config.ble.adapter))]


def _names_a_file(source: str) -> bool:
    """Whether a camera's source is a folder or file to replay."""
    return not (source.startswith((GSTREAMER, "/dev/")) or "://" in source)


def _replay(config: AgentConfig, now: Callable[[], datetime]) -> ReplaySource:
    return ReplaySource(
        frames=Path(config.camera.source),
        track=Path(config.gnss.source),
        camera_id=config.camera.id,
        frames_per_s=config.camera.frames_per_s,
        pace=config.replay.pace,
        start=config.replay.start,
        now=now,
        others=_recorded_others(config),
    )


def _recorded_others(config: AgentConfig) -> list[Iterator[Reading]]:
    """What other sensors recorded beside frames and track."""
    return [] if config.imu is None else [read_imu_file(Path(config.imu.source))]
