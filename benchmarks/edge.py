"""How near the agent's pipeline comes to a bare loop of the same network on ready tensors.

    python -m benchmarks.edge --json FILE [--size 512x512] [--frame 640x384] [--threads 1 2] [--source memory|jpeg]

Both run in one process, in turn, round after round: the whole agent (reader thread, position, quality gate, resize,
network, fusing, tracks, places, outbox on disk) on a drawn drive with damage each 40 m, and ONNX Runtime alone on a
tensor of the size that the agent gives it. Times are medians over the rounds. `ratio` compares the clock, `cpu_ratio`
the processor time of all threads, which other programs on the machine disturb less.

Frames lie in memory as a camera's driver leaves them, or (`--source jpeg`) as JPEG that the reader thread decodes
while the network runs. The network has `threads` threads, the agent's own among them; the reader and the (idle) sender
come on top. Blurring is not in these times: it is done once for each observation, not each frame (`picture_ms`).
"""

import argparse
import json
import logging
import os
import platform
import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge_agent.agent import Agent
from edge_agent.config import (
    AgentConfig,
    Broker,
    Camera,
    Cloud,
    Identity,
    Model,
    OutboxSettings,
    Precision,
)
from edge_agent.config import Privacy as PrivacySettings
from edge_agent.ego import moved
from edge_agent.errors import ModelError
from edge_agent.readings import FrameReading, GnssReading, Image, Reading
from edge_agent.vision.detections import Detector
from edge_agent.vision.detector import open_detector
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.model_file import load_manifest
from edge_agent.vision.preprocess import InputShape, letterbox
from edge_agent.vision.privacy import Privacy
from edge_agent.watch import Scene
from simulator.drawn import DrawnDefect, draw_frame
from simulator.frames import DRAWN_CAMERA

SPEED_MPS: Final = 10.0
FRAMES_PER_S: Final = 8.0
DEFECT_EVERY_M: Final = 40.0
BEGIN: Final = datetime(2026, 11, 24, 8, tzinfo=UTC)
LON, LAT = 120.4, 27.5

Frame = Callable[[], Image]


@dataclass
class Drive:
    """A recording: frames with a fix each second."""

    frames: Sequence[Frame]
    is_live: bool = False

    def readings(self) -> Iterator[Reading]:
        for i, frame in enumerate(self.frames):
            seconds = i / FRAMES_PER_S
            if seconds == int(seconds):
                lon, lat = moved(lon=LON, lat=LAT, heading_deg=0.0, forward_m=SPEED_MPS * seconds, right_m=0.0)
                yield GnssReading(
                    at=BEGIN + timedelta(seconds=seconds),
                    lon=lon,
                    lat=lat,
                    speed_mps=SPEED_MPS,
                    heading_deg=0.0,
                    accuracy_m=2.0,
                )
            yield FrameReading(at=BEGIN + timedelta(seconds=seconds), camera_id="front", image=frame())


@dataclass
class Times:
    """When each frame was done, on the clock and in processor time, and what its steps took."""

    clock_s: list[float] = field(default_factory=list[float])
    cpu_s: list[float] = field(default_factory=list[float])
    steps_ms: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def show(self, scene: Scene) -> None:
        self.clock_s.append(time.perf_counter())
        self.cpu_s.append(time.process_time())
        for step, taken_ms in scene.steps_ms.items():
            self.steps_ms.setdefault(step, []).append(taken_ms)

    def per_frame_ms(self) -> tuple[float, float]:
        """Mean of clock and processor time from the first frame to the last."""
        frames = len(self.clock_s) - 1
        return (
            1e3 * (self.clock_s[-1] - self.clock_s[0]) / frames,
            1e3 * (self.cpu_s[-1] - self.cpu_s[0]) / frames,
        )


def drawn_drive(camera: CameraModel, *, count: int, source: str) -> list[Frame]:
    """Frames of a straight street, drawn before anything is measured."""
    defects = [
        DrawnDefect(
            class_code=code, forward_m=12.0 + DEFECT_EVERY_M * i, right_m=0.3, length_m=1.2, width_m=0.9, seed=i
        )
        for i, code in enumerate(("D40", "D20", "D10", "D00") * 8)
    ]
    drawn: list[Frame] = []
    for i in range(count):
        along_m = SPEED_MPS * i / FRAMES_PER_S
        ahead = [replace(defect, forward_m=defect.forward_m - along_m) for defect in defects]
        image, _ = draw_frame(camera, [d for d in ahead if 2.0 < d.forward_m < 30.0], seed=3, along_m=along_m)  # noqa: PLR2004 - in view
        drawn.append(_as_jpeg(image) if source == "jpeg" else _as_it_is(image))
    return drawn


def _as_it_is(image: Image) -> Frame:
    return lambda: image


def _as_jpeg(image: Image) -> Frame:
    _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return lambda: np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)


def camera_of(width: int, height: int) -> CameraModel:
    """The drawn town's camera with another number of pixels."""
    scale = width / DRAWN_CAMERA.width_px
    return replace(DRAWN_CAMERA, width_px=width, height_px=height, focal_px=DRAWN_CAMERA.focal_px * scale)


def manifest_of_size(folder: Path, manifest: Path, size: tuple[int, int] | None) -> Path:
    """The same model with another input size; the network takes any."""
    if size is None:
        return manifest
    text = manifest.read_text(encoding="utf-8")
    loaded = load_manifest(manifest)
    text = text.replace(f"input_width = {loaded.input_width}", f"input_width = {size[0]}")
    text = text.replace(f"input_height = {loaded.input_height}", f"input_height = {size[1]}")
    for file in [loaded.file, *([] if loaded.int8 is None else [loaded.int8.file])]:
        (folder / file).unlink(missing_ok=True)
        (folder / file).symlink_to(manifest.parent / file)
    resized = folder / "manifest.toml"
    resized.write_text(text, encoding="utf-8")
    return resized


def settings_of(manifest: Path, precisions: Sequence[Precision], threads: Sequence[int]) -> Iterator[Model]:
    """What to measure; a precision that the model does not bring is named and left out."""
    for precision in precisions:
        try:
            load_manifest(manifest).weights(precision)
        except ModelError as error:
            print(error)
            continue
        for count in threads:
            yield Model(manifest=manifest, threads=count, precision=precision)


def bare_session(settings: Model) -> Any:  # noqa: ANN401 - ONNX Runtime has no types
    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    file = load_manifest(settings.manifest).weights(settings.precision).file
    return runtime.InferenceSession(str(settings.manifest.parent / file), options, providers=["CPUExecutionProvider"])


def run_bare(session: Any, tensor: NDArray[np.uint8], *, count: int) -> tuple[float, float]:  # noqa: ANN401
    """Clock and processor milliseconds of one run."""
    name = session.get_inputs()[0].name
    session.run(None, {name: tensor})
    clock_s, cpu_s = time.perf_counter(), time.process_time()
    for _ in range(count):
        session.run(None, {name: tensor})
    return 1e3 * (time.perf_counter() - clock_s) / count, 1e3 * (time.process_time() - cpu_s) / count


def run_agent(folder: Path, settings: Model, detector: Detector, camera: CameraModel, frames: list[Frame]) -> Times:
    """One drive with a fresh outbox; no broker listens, so that only this side is measured."""
    (folder / "secret").write_text("a secret", encoding="utf-8")
    with tempfile.TemporaryDirectory(dir=folder) as data:
        config = AgentConfig(
            identity=Identity(city="bench", device="bus-1", secret_file=folder / "secret"),
            broker=Broker(url="mqtt://127.0.0.1:9"),
            cloud=Cloud(url="http://127.0.0.1:9"),
            camera=Camera(**asdict(camera)),
            model=settings,
            privacy=PrivacySettings(faces=folder / "none.toml"),
            outbox=OutboxSettings(path=Path(data) / "outbox.db"),
        )
        times = Times()
        agent = Agent(config, sources=[Drive(frames)], detector=detector, watcher=times)
        try:
            agent.run(threading.Event())
        finally:
            agent.close()
    return times


def measure(folder: Path, settings: Model, camera: CameraModel, frames: list[Frame], *, rounds: int) -> dict[str, Any]:
    """Agent and bare loop in turn."""
    manifest = load_manifest(settings.manifest)
    detector = open_detector(settings)
    run_agent(folder, settings, detector, camera, frames)
    rss_mb = _rss_mb()  # before the bare session comes on top
    session = bare_session(settings)
    shape = InputShape(
        width_px=manifest.input_width,
        height_px=manifest.input_height,
        stride_px=manifest.input_stride,
        pad=manifest.input_pad,
    )
    tensor = np.ascontiguousarray(letterbox(frames[0](), shape)[0][None])
    bare: list[tuple[float, float]] = []
    whole: list[tuple[float, float]] = []
    steps: dict[str, list[float]] = {}
    for _ in range(rounds):
        bare.append(run_bare(session, tensor, count=len(frames)))
        times = run_agent(folder, settings, detector, camera, frames)
        whole.append(times.per_frame_ms())
        for step, taken_ms in times.steps_ms.items():
            steps.setdefault(step, []).extend(taken_ms)
    return _result(settings, tensor, bare, whole, steps) | {"rss_mb": rss_mb}


def _result(
    settings: Model,
    tensor: NDArray[np.uint8],
    bare: Sequence[tuple[float, float]],
    whole: Sequence[tuple[float, float]],
    steps: dict[str, list[float]],
) -> dict[str, Any]:
    clock_ms, cpu_ms = (median(times[i] for times in whole) for i in (0, 1))
    middle = {step: median(taken_ms) for step, taken_ms in steps.items()}
    return {
        "precision": settings.precision,
        "threads": settings.threads,
        "input": f"{tensor.shape[2]}x{tensor.shape[1]}",
        "frames_per_s": round(1e3 / clock_ms, 2),
        "bare_per_s": round(1e3 / median(clock for clock, _ in bare), 2),
        "ratio": round(median(b[0] / w[0] for b, w in zip(bare, whole, strict=True)), 3),
        "cpu_ratio": round(median(b[1] / w[1] for b, w in zip(bare, whole, strict=True)), 3),
        "cpu_ms": round(cpu_ms, 2),
        "steps_ms": {step: round(taken_ms, 3) for step, taken_ms in middle.items()},
        "rest_ms": round(clock_ms - sum(middle.values()), 3),
    }


def _rss_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1_000_000


def picture_ms(image: Image) -> float:
    """What blurring and encoding one kept picture takes."""
    privacy = Privacy(PrivacySettings().faces, threads=1)
    privacy.blurred(image)
    taken_s: list[float] = []
    for _ in range(5):
        begun_s = time.perf_counter()
        privacy.blurred(image)
        taken_s.append(time.perf_counter() - begun_s)
    return 1e3 * median(taken_s)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--manifest", type=Path, default=Model().manifest)
    parser.add_argument("--size", type=_size, help="input of the network, as 512x512; default is the model's own")
    parser.add_argument("--frame", type=_size, default=(640, 384))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--precision", nargs="+", default=["fp32", "int8"], choices=["fp32", "int8"])
    parser.add_argument("--source", choices=["memory", "jpeg"], default="memory")
    parser.add_argument("--frames", type=int, default=48, help="of one round")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    logging.getLogger("edge_agent").setLevel(logging.CRITICAL)  # no broker listens, no picture is kept: as wanted
    camera = camera_of(*arguments.frame)
    frames = drawn_drive(camera, count=arguments.frames, source=arguments.source)
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = manifest_of_size(folder, arguments.manifest, arguments.size)
        for settings in settings_of(manifest, arguments.precision, arguments.threads):
            result = measure(folder, settings, camera, frames, rounds=arguments.rounds)
            results.append(result)
            print(json.dumps(result), flush=True)
    document = {
        "device": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "onnxruntime": onnxruntime.__version__,
        "load": round(os.getloadavg()[0], 1),
        "frame": "x".join(str(side) for side in arguments.frame),
        "source": arguments.source,
        "picture_ms": round(picture_ms(frames[0]()), 1),
        "results": results,
    }
    print(json.dumps({key: value for key, value in document.items() if key != "results"}))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
