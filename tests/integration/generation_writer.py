"""A bus that takes one version after the other, as fast as its disk allows, and says how far it is: `… FOLDER`.

It begins as an agent does: with what is in use. Each generation says in all of its files which version it is.
"""

import sys
from itertools import count
from pathlib import Path

from edge_agent.updates.generation import Generation
from edge_agent.updates.slots import Slots
from edge_agent.updates.trial import Work
from wire.messages import CameraState
from wire.package import MANIFEST, SETTINGS, About, Package, PackageKind

WORK = Work(frames_per_s=8.0, camera=CameraState.WORKING)
PADDING = b"#" * 20_000  # so that a file takes several pages


def package(kind: PackageKind, files: dict[str, bytes]) -> Package:
    return Package(about=About(kind=kind, name="some", version="1"), signed_by="", files=files)


def version_of(generation: Generation | None) -> int:
    """Version in use, if all of it is of this version; the bus's own file is 0."""
    if generation is None:
        return 0
    version = generation.version
    assert generation.settings == {"camera.pitch_deg": version}
    assert generation.package == {"health": {"every_s": version}}
    assert generation.manifest is not None
    assert generation.manifest.read_text().startswith(f"version = {version}\n")
    return version


def fill(slots: Slots, version: int) -> Generation:
    model = {MANIFEST: f"version = {version}\n".encode() + PADDING, "model.onnx": PADDING}
    settings = {SETTINGS: f"health.every_s = {version}\n".encode() + PADDING}
    return slots.fill(
        version=version,
        settings={"camera.pitch_deg": version},
        model=package(PackageKind.MODEL, model),
        package=package(PackageKind.SETTINGS, settings),
    )


def main() -> None:
    """Each third version falls back."""
    slots = Slots(Path(sys.argv[1]))
    print("uses", version_of(slots.start()), flush=True)  # noqa: T201 - this is what it is for
    slots.settle_trial()
    for version in count(slots.state.settled + 1):
        print("begins", version, flush=True)  # noqa: T201
        slots.switch(fill(slots, version), work=WORK)
        print("tries", version, flush=True)  # noqa: T201
        assert version_of(slots.start()) == version
        if version % 3:
            slots.settle_trial()
        else:
            slots.leave("every third one")
        print("settles", version, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
