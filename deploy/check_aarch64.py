"""busense on 64-bit ARM, without an ARM machine: `sudo .venv/bin/python deploy/check_aarch64.py`.

Makes a Debian 12 for arm64 in a temporary folder, runs it under qemu's user emulation, installs busense[edge] in it
from a wheel, looks for damage on drawn frames (or on photos that are named) and compares the boxes with this machine's.
Packages come from where this machine's apt and pip take theirs; the emulated system itself needs no network.
What is mounted lives in namespaces of its own and ends with them; the folder is removed in any case.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
SUITE: Final = "bookworm"
ARCHITECTURE: Final = "arm64"
GLIBC_MINORS: Final = range(17, 37)  # Debian 12 has glibc 2.36: every wheel for 2.17 to 2.36 runs there
BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")
EMULATOR: Final = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
NEEDED: Final = {
    "mmdebstrap": "mmdebstrap",
    "arch-test": "arch-test",
    "qemu-aarch64-static": "qemu-user-static",
    "apt-get": "apt",
    "unshare": "util-linux",
    "chroot": "coreutils",
}
ROOMY: Final = "/var/tmp"  # noqa: S108 - the folder made in it is ours alone; /tmp may be memory
SMALLEST_DISK: Final = 3_000_000_000
TOLERANCES: Final = {"fp32": (0.1, 0.001), "int8": (3.0, 0.02)}
"""Pixels of an edge, and score. The int8 kernels of both processors do not round alike: 1.3 px and 0.007 were seen."""

Found = list[tuple[str, str, list[float], float]]  # picture, class, x y width height, score


def main() -> None:
    """Check what is needed, do it within the time, compare."""
    options = read_options()
    problems = list(missing())
    if problems:
        sys.exit("This cannot run here:\n" + "\n".join(f"- {problem}" for problem in problems))
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit("told to stop"))
    deadline = time.monotonic() + options.minutes * 60
    with tempfile.TemporaryDirectory(prefix="busense-arm64-", dir=ROOMY, ignore_cleanup_errors=True) as name:
        try:
            is_equal = check(Path(name), options.photos, deadline)
        except subprocess.TimeoutExpired:
            sys.exit(f"not done within {options.minutes} minutes; --minutes gives it longer")
        except subprocess.CalledProcessError as error:
            sys.exit(f"failed ({error.returncode}): {' '.join(map(str, error.cmd))}")
    sys.exit(0 if is_equal else 1)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="busense detect on an emulated arm64 Debian, compared with here.")
    parser.add_argument("photos", nargs="*", type=Path, help="photos; default: four drawn frames")
    parser.add_argument("--minutes", type=int, default=60, help="give up after so long (60)")
    return parser.parse_args()


def missing() -> Iterator[str]:
    """What stands in the way, in plain words."""
    if os.geteuid() != 0:
        yield "it must run as root: chroot and mounts need it"
    packages = sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})
    if packages:
        yield f"programs are missing: apt-get install {' '.join(packages)}"
    if not BINFMT.is_dir():
        yield f"the kernel has no binfmt_misc ({BINFMT}): it cannot start programs of another processor"
    if shutil.disk_usage(ROOMY).free < SMALLEST_DISK:
        yield f"{ROOMY} has less than {SMALLEST_DISK / 1e9:.0f} GB free"


def check(folder: Path, photos: Sequence[Path], deadline: float) -> bool:
    """Run both machines and compare."""
    frames = folder / "frames"
    frames.mkdir()
    if photos:
        for photo in photos:
            shutil.copy(photo, frames)
    else:
        draw_frames(frames)
    system = folder / "system"
    step = Steps(deadline)
    for precision in TOLERANCES:
        found = detect([sys.executable, "-m", "busense"], frames, folder / f"{precision}.json", precision)
        step.run(f"boxes of this machine, {precision}", [found])
    step.run("wheels for arm64", wheels(folder))
    with emulation():
        step.run("Debian for arm64", [namespaces(debian(folder, system))])
        shutil.copytree(folder / "wheels", system / "wheels")
        shutil.copytree(frames, system / "frames")
        step.run("busense[edge] on arm64", (within(system, command) for command in install()))
        step.run("its versions", [within(system, ["/busense/bin/python", "-c", VERSIONS])])
        for precision in TOLERANCES:
            found = detect(["/busense/bin/busense"], Path("/frames"), Path(f"/{precision}.json"), precision)
            step.run(f"boxes of arm64, {precision}", [within(system, found)])
    equal = [compare(folder / f"{name}.json", system / f"{name}.json", name) for name in TOLERANCES]
    return all(equal)


class Steps:
    """Runs commands one after the other, each within what is left of the time, and tells how long it took."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def run(self, name: str, commands: Iterable[Sequence[object]]) -> None:
        """Run the commands of one step, each made when the one before is done; the first that fails ends it."""
        began = time.monotonic()
        for command in commands:
            left_s = max(1.0, self._deadline - time.monotonic())
            subprocess.run([str(word) for word in command], check=True, timeout=left_s, cwd="/")
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)


def draw_frames(folder: Path) -> None:
    """One drawn frame for each class, as PNG: both machines read the same pixels."""
    import cv2  # noqa: PLC0415 - not needed when photos are named

    from edge_agent.vision.ground import CameraModel  # noqa: PLC0415
    from simulator.drawn import DrawnDefect, draw_frame  # noqa: PLC0415

    camera = CameraModel(width_px=640, height_px=384, focal_px=500.0, height_m=2.4, pitch_deg=14.0)
    sizes_m = {"D00": (3.5, 0.3), "D10": (0.5, 2.8), "D20": (2.2, 1.8), "D40": (0.9, 0.9)}
    for seed, (code, (length_m, width_m)) in enumerate(sizes_m.items()):
        defect = DrawnDefect(class_code=code, forward_m=6.5, right_m=0.2, length_m=length_m, width_m=width_m, seed=seed)
        image, _ = draw_frame(camera, [defect], seed=seed, along_m=20.0)
        cv2.imwrite(str(folder / f"{code}.png"), image)


def detect(program: Sequence[object], frames: Path, output: Path, precision: str) -> list[object]:
    """The command that finds boxes, weak ones too: more to compare."""
    settings = ["--threads", "1", "--threshold", "0.05", "--precision", precision]
    return [*program, "detect", frames, "--output", output, *settings]


def wheels(folder: Path) -> Iterator[list[object]]:
    """Commands that build our wheel and fetch what it needs, in the versions of the lock."""
    pip: list[object] = [sys.executable, "-m", "pip"]
    quiet = ["-qq", "--disable-pip-version-check"]
    yield [*pip, "wheel", *quiet, "--no-deps", "--wheel-dir", folder / "wheels", ROOT]
    (ours,) = (folder / "wheels").glob("busense-*.whl")
    versions = folder / "versions.txt"
    versions.write_text("\n".join(pinned(ROOT / "requirements.lock")) + "\n")
    target = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none"]
    platforms = [word for minor in GLIBC_MINORS for word in ("--platform", f"manylinux_2_{minor}_aarch64")]
    where = ["--dest", folder / "wheels", "--constraint", versions]
    older = ["--platform", "manylinux2014_aarch64"]
    yield [*pip, "download", *quiet, "--only-binary=:all:", *target, *platforms, *older, *where, f"{ours}[edge]"]


def pinned(lock: Path) -> Iterator[str]:
    """`name==version` of each line that begins a package; hashes are of no use to a constraint."""
    for line in lock.read_text().splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            yield line.rstrip("\\").strip()


def debian(folder: Path, system: Path) -> list[object]:
    """The command that makes the system, from this machine's apt sources when they have the suite."""
    command: list[object] = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"]
    command += [f"--architectures={ARCHITECTURE}", "--include=python3-venv"]
    settings = folder / "apt.conf"
    settings.write_text("\n".join(apt_settings()) + "\n")
    command += [f"--aptopt={settings}", SUITE, system]
    sources = folder / "sources.list"
    lines = apt_sources()
    if lines:
        sources.write_text("\n".join(lines) + "\n")
        command.append(sources)
    return command


def apt_sources() -> list[str]:
    """Lines of sources.list with what this machine has of the suite, in whatever form it has it."""
    form = "$(REPO_URI)|$(CODENAME)|$(COMPONENT)|$(ORIGIN)"
    rows = [row.split("|") for row in output_of("apt-get", "indextargets", "--format", form, "Created-By: Packages")]
    is_ours = [row for row in rows if len(row) == 4 and row[1].startswith(SUITE) and row[3] == "Debian"]  # noqa: PLR2004
    return sorted({f"deb {uri} {codename} {component}" for uri, codename, component, _ in is_ours})


def apt_settings() -> Iterator[str]:
    """This machine's proxies and dates for apt."""
    ways = ("Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::Retries")
    for line in output_of("apt-config", "dump", "Acquire"):
        if line.startswith(ways):
            yield line


def output_of(*command: str) -> list[str]:
    """Lines that a command prints; none where it does not run."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.splitlines() if result.returncode == 0 else []


def install() -> list[list[object]]:
    """Commands of the emulated machine, as install-agent.sh has them, from the folder of wheels."""
    pip = ["/busense/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return [["python3", "-m", "venv", "/busense"], [*pip, "--no-index", "--find-links", "/wheels", "busense[edge]"]]


CORE: Final = """processor\t: {number}
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1
"""  # a Cortex-A76, the cores of a Raspberry Pi 5

VERSIONS: Final = """
import cv2, numpy, onnxruntime, platform
print(f"arm64: {platform.machine()}, Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}, "
      f"OpenCV {cv2.__version__}, numpy {numpy.__version__}")
"""


def within(system: Path, command: Sequence[object]) -> list[object]:
    """The command that runs another one in the emulated system.

    qemu 7.2 shows this machine's /proc/cpuinfo, in which ONNX Runtime finds no ARM processor and crashes: it gets one.
    The shell stays: as process 1 of its namespace the command could not be ended by a crash.
    """
    cpuinfo = system / "cpuinfo"
    cpuinfo.write_text("\n".join(CORE.format(number=number) for number in range(os.cpu_count() or 1)))
    script = (
        'for place in dev proc sys; do mount --rbind "/$place" "$0/$place"; done; '
        'mount --bind "$0/cpuinfo" "$0/proc/cpuinfo"; '
        'chroot "$0" env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/root LANG=C.UTF-8 "$@" || exit $?'
    )
    return namespaces(["sh", "-ec", script, system, *command])


def namespaces(command: Sequence[object]) -> list[object]:
    """Run a command with mounts and processes of its own: the kernel ends both with it."""
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *command]


@contextmanager
def emulation() -> Generator[None]:
    """Have the kernel start arm64 programs with qemu; what is registered here is removed again."""
    if subprocess.run(["arch-test", ARCHITECTURE], capture_output=True, check=False).returncode == 0:
        yield
        return
    if not EMULATOR.is_file():
        sys.exit(f"{EMULATOR} is missing; it comes with qemu-user-static of Debian 12")
    is_mounted = (BINFMT / "register").exists()
    if not is_mounted:
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT], check=True)
    entry = BINFMT / "qemu-aarch64"
    try:
        (BINFMT / "register").write_text(EMULATOR.read_text())
        yield
    finally:
        if entry.exists():
            entry.write_text("-1")
        if not is_mounted:
            subprocess.run(["umount", BINFMT], check=False)


def read_found(path: Path) -> Found:
    """Boxes of a result in the form of COCO, in the order in which they were found."""
    result: dict[str, list[dict[str, Any]]] = json.loads(path.read_text())
    pictures = {image["id"]: image["file_name"] for image in result["images"]}
    codes = {category["id"]: category["name"] for category in result["categories"]}
    return [
        (pictures[box["image_id"]], codes[box["category_id"]], box["bbox"], box["score"])
        for box in result["annotations"]
    ]


def compare(here_file: Path, there_file: Path, precision: str) -> bool:
    """Print how far the boxes of two files lie apart; whether they are equal within the tolerance."""
    here, there = read_found(here_file), read_found(there_file)
    if [row[:2] for row in here] != [row[:2] for row in there]:
        print(f"{precision}: different things, {len(here)} boxes here, {len(there)} on {ARCHITECTURE}")
        return False
    pairs = list(zip(here, there, strict=True))
    box_px = max((abs(a - b) for mine, other in pairs for a, b in zip(mine[2], other[2], strict=True)), default=0.0)
    score = max((abs(mine[3] - other[3]) for mine, other in pairs), default=0.0)
    most_px, most_score = TOLERANCES[precision]
    is_equal = bool(pairs) and box_px <= most_px and score <= most_score
    print(
        f"{precision}: {len(pairs)} boxes, the same classes in the same order; furthest apart: "
        f"edges {box_px:.2f} px (at most {most_px}), scores {score:.4f} (at most {most_score}): "
        + ("equal" if is_equal else "NOT equal")
    )
    return is_equal


if __name__ == "__main__":
    main()
