"""How near the agent's pipeline comes to a bare loop of the same networks on ready tensors.

    python -m benchmarks.edge --json FILE [--size 512x512] [--frame 640x384] [--threads 1 2] [--source memory|jpeg]

Both run in one process in turn, a frame of the one and a run of the other, so that whatever else the machine does meets
both alike: the whole agent (reader thread, position, quality gate, resize, network, fusing, tracks, places, outbox on
disk) on a drawn drive with damage each 40 m, and ONNX Runtime alone on a tensor of the size that the agent gives it.
What watching itself takes is left out.
Times are medians over the frames. `ratio` is the median over the frames of what a bare run for as many boxes takes to
what the frame took, `cpu_ratio` the same in processor time of all threads, `mean_ratio` that of the sums, with what
happens now and then (the horizon, a commit to disk). `ratio_of_medians` is what stood here before: frames with a box
and without one lie 3 ms apart, and it may divide one of these by one of those.

Frames lie in memory as a camera's driver leaves them, or (`--source jpeg`) as JPEG that the reader thread decodes
while the network runs. The network has `threads` threads, the agent's own among them; the reader and the (idle) sender
come on top. Blurring is not in these times: it is done once for each observation, not each frame (`picture_ms`).
"""

import argparse
import gc
import json
import logging
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

from benchmarks.record import record, result_file, write
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
from edge_agent.vision.model_file import Weights, load_manifest
from edge_agent.vision.preprocess import InputShape, letterbox
from edge_agent.vision.privacy import Privacy
from edge_agent.vision.second_look import MOST_BOXES
from edge_agent.watch import Scene, Watcher
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


@dataclass(frozen=True, slots=True)
class Instant:
    """On the clock, and in processor time of all threads."""

    clock_s: float = field(default_factory=time.perf_counter)
    cpu_s: float = field(default_factory=time.process_time)

    def since(self, earlier: "Instant", *, without_s: float = 0.0) -> "Instant":
        return Instant(self.clock_s - earlier.clock_s - without_s, self.cpu_s - earlier.cpu_s - without_s)


@dataclass
class Turns:
    """Watches the agent: after each of its frames the bare network has its turn."""

    bare: Callable[[int], None]  # told how many boxes the frame had
    frames: list[Instant] = field(default_factory=list[Instant])
    bare_runs: list[Instant] = field(default_factory=list[Instant])
    steps_ms: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    begun: Instant | None = None

    def show(self, scene: Scene) -> None:
        done, begun = Instant(), self.begun
        self.bare(len(scene.detections))
        self.begun = Instant()
        if begun is None:  # the first of a drive: what lies before it is no frame
            return
        steps_ms = dict(scene.steps_ms)
        self.frames.append(done.since(begun, without_s=steps_ms.pop("watch") / 1e3))
        self.bare_runs.append(self.begun.since(done))
        for step, taken_ms in steps_ms.items():
            self.steps_ms.setdefault(step, []).append(taken_ms)


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
    others = [weights.file for weights in (loaded.int8, loaded.second_look) if weights is not None]
    for file in [loaded.file, *others]:
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


def bare_run(settings: Model, tensor: NDArray[np.uint8]) -> Callable[[int], None]:
    """Sessions of their own, that have run once: the network and, for so many boxes, its second look at ready views."""
    manifest = load_manifest(settings.manifest)
    network = _bare_session(settings, manifest.weights(settings.precision), tensor, threads=settings.threads)
    close_up = manifest.second_look
    if close_up is None:
        return lambda _: network(tensor)
    views = np.zeros((MOST_BOXES, close_up.side_px, close_up.side_px, 3), np.uint8)
    second_look = _bare_session(settings, close_up, views[:1], threads=1)

    def run(boxes: int) -> None:
        network(tensor)
        if boxes:
            second_look(views[:boxes])

    return run


def _bare_session(
    settings: Model, weights: Weights, example: NDArray[np.uint8], *, threads: int
) -> Callable[[NDArray[np.uint8]], None]:
    runtime: Any = onnxruntime  # it has no types
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    path = settings.manifest.parent / weights.file
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(inputs: NDArray[np.uint8]) -> None:
        session.run(None, {name: inputs})

    run(example)
    return run


def run_agent(
    folder: Path, settings: Model, *, detector: Detector, drive: Drive, camera: CameraModel, watcher: Watcher | None
) -> None:
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
        agent = Agent(config, sources=[drive], detector=detector, watcher=watcher)
        try:
            agent.run(threading.Event())
        finally:
            agent.close()


def measure(folder: Path, settings: Model, camera: CameraModel, drive: Drive, *, rounds: int) -> dict[str, Any]:
    """Drive some rounds with the bare network in between.

    Each round loads both anew: where a network's weights come to lie in memory is worth two percent either way.
    """
    tensor = ready_tensor(settings, drive.frames[0]())
    turns = Turns(bare=lambda _: None)
    rss_mb = 0
    for _ in range(rounds):
        gc.collect()  # agent and scenario of the round before hold each other
        detector = open_detector(settings)
        run_agent(folder, settings, detector=detector, drive=Drive(drive.frames[:8]), camera=camera, watcher=None)
        rss_mb = rss_mb or _rss_mb()  # before a bare session comes on top
        turns.bare = bare_run(settings, tensor)
        run_agent(folder, settings, detector=detector, drive=drive, camera=camera, watcher=turns)
        turns.begun = None
    return _result(settings, tensor, turns) | {"rss_mb": rss_mb}


def ready_tensor(settings: Model, image: Image) -> NDArray[np.uint8]:
    manifest = load_manifest(settings.manifest)
    shape = InputShape(
        width_px=manifest.input_width,
        height_px=manifest.input_height,
        stride_px=manifest.input_stride,
        pad=manifest.input_pad,
    )
    return np.ascontiguousarray(letterbox(image, shape)[0][None])


def _result(settings: Model, tensor: NDArray[np.uint8], turns: Turns) -> dict[str, Any]:
    frame_s, bare_s = (median(turn.clock_s for turn in part) for part in (turns.frames, turns.bare_runs))
    pairs = list(zip(turns.frames, turns.bare_runs, strict=True))
    steps_ms = {step: median(taken_ms) for step, taken_ms in turns.steps_ms.items()}
    return {
        "precision": settings.precision,
        "threads": settings.threads,
        "input": f"{tensor.shape[2]}x{tensor.shape[1]}",
        "frames_per_s": round(1 / frame_s, 2),
        "bare_per_s": round(1 / bare_s, 2),
        "ratio": round(median(bare.clock_s / frame.clock_s for frame, bare in pairs), 3),
        "cpu_ratio": round(median(bare.cpu_s / frame.cpu_s for frame, bare in pairs), 3),
        "ratio_of_medians": round(bare_s / frame_s, 3),
        "mean_ratio": round(sum(t.clock_s for t in turns.bare_runs) / sum(t.clock_s for t in turns.frames), 3),
        "cpu_ms": round(1e3 * median(turn.cpu_s for turn in turns.frames), 2),
        "steps_ms": {step: round(taken_ms, 3) for step, taken_ms in steps_ms.items()},
        "share": {step: round(taken_ms / (1e3 * frame_s), 4) for step, taken_ms in steps_ms.items()},
        "rest_ms": round(1e3 * frame_s - sum(steps_ms.values()), 3),
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
    parser.add_argument("--json", type=result_file)
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
            result = measure(folder, settings, camera, Drive(frames), rounds=arguments.rounds)
            results.append(result)
            print(json.dumps(result), flush=True)
    least = min(results, key=lambda result: result["ratio"])
    numbers = {
        "rate": least["frames_per_s"],
        "frame": "x".join(str(side) for side in arguments.frame),
        "source": arguments.source,
        "picture_ms": round(picture_ms(frames[0]()), 1),
        "results": results,
    }
    ratio_is = "frames a second of the agent to a bare loop of ONNX Runtime, the least of all settings; goal 0.95"
    document = record("edge", ratio=least["ratio"], ratio_is=ratio_is, seed=0, numbers=numbers)
    print(json.dumps({key: value for key, value in document.items() if key != "results"}))
    write(arguments.json, document)


if __name__ == "__main__":
    main()
