from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.errors import ConfigurationError

GOOD = """
[identity]
city = "cangnan"
device = "bus-1"
secret_file = "secret"
[broker]
url = "mqtts://broker:8883"
[cloud]
url = "https://cloud"
[camera]
source = "frames"
width_px = 640
height_px = 480
focal_px = 500
height_m = 2.4
pitch_deg = 8
[gnss]
source = "/dev/ttyUSB0"
[outbox]
path = "data/outbox.db"
"""


def written(folder: Path, text: str) -> Path:
    (folder / "secret").write_text(" hush\n")
    path = folder / "agent.toml"
    path.write_text(text)
    return path


def test_paths_are_meant_from_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    config = load_config(written(tmp_path, GOOD))
    assert config.outbox.path == tmp_path / "data" / "outbox.db"
    assert config.camera is not None
    assert config.camera.source == str(tmp_path / "frames")
    assert config.gnss.source == "/dev/ttyUSB0"
    assert config.identity.secret() == "hush"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('device = "bus-1"', 'device = "Bus 1"', "identity.device"),
        ('url = "mqtts://broker:8883"', 'url = "http://broker"', "broker.url"),
        ('url = "mqtts://broker:8883"', 'url = "mqtts://broker:88830"', "broker.url: .*Port out of range"),
        ('url = "https://cloud"', 'url = "https://cloud:99999"', "cloud.url: .*Port out of range"),
        ('url = "https://cloud"', 'url = "https:///cloud"', "cloud.url: .*names no host"),
        ("focal_px = 500", "focal_px = -1", "camera.focal_px"),
        ("focal_px = 500", "", "camera.focal_px: Field required"),
        ("height_px = 480", "height_px = 480\nframes_per_s = 61", "camera.frames_per_s"),
        (
            "width_px = 640\nheight_px = 480",
            "width_px = 4000\nheight_px = 3000",
            "camera: .*8 frames of 4000 x 3000 a second are more than the 268 MB .* at most 6.2 is expected",
        ),
        ("[outbox]", "[outbox]\nmax_byte = 3", "outbox.max_byte"),
        ('secret_file = "secret"', 'secret_file = "none"', "identity.secret_file"),
        ("[outbox]", '[updates]\nfolder = "u"\nkeys = []\n[outbox]', "updates.keys"),
        ("[outbox]", '[updates]\nfolder = "u"\nkeys = ["RWnone"]\n[outbox]', "no public key of minisign"),
        ("[identity]", "[identity", "agent.toml"),
        ("[outbox]", "[imu]\n[driving]\n[outbox]", "imu.source: Field required"),
        ("[outbox]", '[imu]\nsource = "iio"\n[outbox]', r"imu: \[driving\] is missing"),
        (
            "[outbox]",
            '[door]\nfile = "gpio"\n[driver_camera]\nsource = "/dev/video1"\n[outbox]',
            r"door, driver_camera: \[driving\] is missing",
        ),
    ],
)
def test_what_is_wrong_is_named_with_key_and_file(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigurationError, match=words) as raised:
        load_config(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("width_px", "height_px", "frames_per_s"), [(1920, 1080, 30), (3840, 2160, 8), (640, 480, 60), (8192, 8192, 1)]
)
def test_what_cameras_on_buses_give_is_taken(
    tmp_path: Path, width_px: int, height_px: int, frames_per_s: float
) -> None:
    lines = f"width_px = {width_px}\nheight_px = {height_px}\nframes_per_s = {frames_per_s}"
    assert load_config(written(tmp_path, GOOD.replace("width_px = 640\nheight_px = 480", lines))).camera is not None


def test_a_stop_without_a_camera_has_no_model_of_things_beside_the_road(tmp_path: Path) -> None:
    head, _, rest = GOOD.partition("[camera]")
    stop = f"{head}[place]\nlon = 120.4\nlat = 27.5\n[furniture]\nmanifest = 'm'\n{rest[rest.index('[outbox]') :]}"
    with pytest.raises(ConfigurationError, match="furniture: a model needs a camera"):
        load_config(written(tmp_path, stop))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        load_config(tmp_path / "none.toml")


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, GOOD))
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(ConfigurationError, match="empty"):
        config.identity.secret()
