"""Photos that a network learns from: those with boxes, and frames of a drive for which boxes were drawn by hand."""

from pathlib import Path

from models.road_damage.coco import Photo, read_photos, road_damage_file
from models.road_damage.drawn_set import CLASSES

DRIVE = "drive/chiba"
OUR_BOXES = Path(__file__).parents[1] / "drive_chiba.json"


def training_photos(data: Path) -> list[Photo]:
    """All photos of a data folder from which a network may learn, of any source.

    Raises:
        DataError: there are none.
    """
    return read_photos(road_damage_file(data, "train"), CLASSES) + drive_photos(data)


def drive_photos(data: Path) -> list[Photo]:
    """Frames of the drive that nobody had labelled, with our own boxes.

    Returns:
        None of them if the data folder has no drive.
    """
    folder = data / DRIVE
    return read_photos(OUR_BOXES, CLASSES, images=folder) if folder.is_dir() else []
