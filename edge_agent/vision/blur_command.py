"""`busense blur`: one photo on the input, the same without readable faces and plates on the output."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_PIXELS: Final = 60_000_000
REFUSED: Final = 3
FACES: Final = Path(__file__).parents[2] / "models" / "faces" / "manifest.toml"


@click.command(hidden=True)
@click.option("--faces", type=click.Path(path_type=Path, dir_okay=False), default=FACES, help="Manifest of the faces.")
def blur(faces: Path) -> None:
    """Blur faces and plates of the photo on standard input; a line of JSON and a JPEG come out.

    The photo is turned as its metadata says, before anything is looked for; the metadata does not come out.
    """
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_PIXELS)  # read when OpenCV is loaded
    from edge_agent.errors import PictureError  # noqa: PLC0415
    from edge_agent.vision.phone_photo import read_upright  # noqa: PLC0415
    from edge_agent.vision.privacy import Privacy  # noqa: PLC0415

    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        picture = Privacy(faces, threads=1).blurred(read_upright(content, max_bytes=MAX_BYTES))
    except PictureError as error:
        click.echo(str(error), err=True)
        sys.exit(REFUSED)
    record = {"width_px": picture.width_px, "height_px": picture.height_px, "blur": asdict(picture.blur)}
    sys.stdout.buffer.write(json.dumps(record).encode() + b"\n" + picture.content)
