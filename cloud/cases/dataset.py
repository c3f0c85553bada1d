"""What people said of findings, as a training set: COCO with the pictures that show them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.findings.catalogue import Catalogue
from cloud.pictures.store import PictureStore

IMAGES: Final = "images"
ANNOTATIONS: Final = "annotations.json"
_SUFFIX_OF_MEDIA_TYPE: Final = {"image/jpeg": ".jpg", "image/webp": ".webp"}

# The last word of a person counts; it is said of all that buses saw of the finding, or of what took it in.
_SIGHTINGS: Final = """
SELECT v.verdict, v.said_class, v.true_class, v.actor, v.at, o.box_xyxy_px, o.frame_width_px, o.confidence,
    o.model_version, o.class_code AS seen_class, k.sha256, k.media_type, k.width_px, k.height_px
FROM (
    SELECT DISTINCT ON (thing_id) * FROM (
        SELECT v.*, coalesce(f.merged_into, f.id) AS thing_id
        FROM case_verdicts v JOIN findings f ON f.id = v.finding_id
    ) said ORDER BY thing_id, at DESC, serial DESC
) v
JOIN finding_observations s ON s.finding_id = v.thing_id
JOIN observations o ON o.id_at = s.observation_id_at AND o.city = s.city AND o.device = s.device
    AND o.id = s.observation_id
JOIN pictures k ON k.sha256 = o.picture_sha256 AND k.received_at IS NOT NULL
WHERE o.box_xyxy_px IS NOT NULL AND v.at >= %(since)s
ORDER BY k.sha256, o.id
"""


@dataclass(slots=True)
class Coco:
    """A data set that grows."""

    categories: dict[str, int]
    images: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    annotations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    false_alarms: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def add(self, sighting: dict[str, Any]) -> bool:
        """Take a sighting; whether its picture is a new one.

        A false alarm is no annotation: a trainer that knows nothing of `false_alarms` sees an empty picture.
        """
        is_new = sighting["sha256"] not in self.images
        image = self.images.setdefault(sighting["sha256"], self._image_of(sighting))
        box = _box_in_picture(sighting)
        said = {
            "image_id": image["id"],
            "bbox": box,
            "area": round(box[2] * box[3], 2),
            "iscrowd": 0,
            "verdict": sighting["verdict"],
            "said_class": sighting["said_class"],
            "seen_class": sighting["seen_class"],
            "score": round(sighting["confidence"], 4),
            "model_version": sighting["model_version"],
            "judged_by": sighting["actor"],
            "judged_at": sighting["at"].isoformat(),
        }
        if sighting["verdict"] == "false_alarm":
            self.false_alarms.append({"id": len(self.false_alarms) + 1} | said)
        else:
            category = self.categories.setdefault(sighting["true_class"], len(self.categories) + 1)
            self.annotations.append({"id": len(self.annotations) + 1, "category_id": category} | said)
        return is_new

    def as_json(self) -> dict[str, Any]:
        """All of it, as COCO writes it."""
        return {
            "info": {"description": "busense: what people said of findings"},
            "images": list(self.images.values()),
            "annotations": self.annotations,
            "categories": [{"id": number, "name": code} for code, number in self.categories.items()],
            "false_alarms": self.false_alarms,
        }

    def _image_of(self, sighting: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": len(self.images) + 1,
            "file_name": f"{sighting['sha256']}{_SUFFIX_OF_MEDIA_TYPE[sighting['media_type']]}",
            "width": sighting["width_px"],
            "height": sighting["height_px"],
        }


def export(
    connection: Connection[Any], folder: Path, *, store: PictureStore, catalogue: Catalogue, since: datetime
) -> Coco:
    """Write pictures and annotations of what was judged since a time; what is there already stays.

    Returns:
        What was written.
    """
    coco = Coco(categories={code: number for number, code in enumerate(catalogue.classes, start=1)})
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    for sighting in _sightings(connection, since):
        if coco.add(sighting):
            _write_picture(folder, coco.images[sighting["sha256"]]["file_name"], store.read(sighting["sha256"]))
    text = json.dumps(coco.as_json(), ensure_ascii=False, indent=1)
    (folder / ANNOTATIONS).write_text(f"{text}\n", encoding="utf-8")
    return coco


def _sightings(connection: Connection[Any], since: datetime) -> Iterator[dict[str, Any]]:
    with connection.cursor("dataset", row_factory=dict_row) as cursor:
        yield from cursor.execute(_SIGHTINGS, {"since": since})


def _write_picture(folder: Path, name: str, content: bytes) -> None:
    path = folder / IMAGES / name
    if not path.exists():
        path.write_bytes(content)


def _box_in_picture(sighting: dict[str, Any]) -> list[float]:
    """x, y, width, height in pixels of the picture, which may be smaller than the frame."""
    scale = sighting["width_px"] / sighting["frame_width_px"]
    left, top, right, bottom = (edge * scale for edge in sighting["box_xyxy_px"])
    return [round(value, 2) for value in (left, top, right - left, bottom - top)]
