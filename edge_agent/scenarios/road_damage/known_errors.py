"""What was measured of a detector's mistakes, as the tracks need it."""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge_agent.errors import ModelError
from edge_agent.scenarios.road_damage.evidence import Odds, as_calibrated, middling_hit_rate
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.model_file import load_manifest
from wire.error_model import ErrorModel, Quality, load_error_model
from wire.errors import ErrorModelError

log = logging.getLogger(__name__)

FILE: Final = "error_model.json"  # beside the manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownErrors:
    """Odds of what a detector says, and how far its boxes are off, by class."""

    odds: Odds = field(default_factory=Odds)
    side_share: Mapping[str, float] = field(default_factory=dict[str, float])  # one sigma of a box's edge


def read_known_errors(manifest_path: Path, camera: CameraModel) -> KnownErrors:
    """Read what was measured of a model; stand-ins for one that was not.

    Raises:
        ModelError: the file is there and cannot be read.
    """
    path = manifest_path.parent / FILE
    if not path.is_file():
        return KnownErrors()
    manifest = load_manifest(manifest_path)
    input_area = manifest.input_width * manifest.input_height
    try:
        model = load_error_model(path)
    except ErrorModelError as error:
        raise ModelError(str(error)) from error
    if model.model.version != manifest.version:
        log.warning("error_model_of_another_version has=%s expected=%s", model.model.version, manifest.version)
        return KnownErrors()
    return known_errors(model, input_scale=math.sqrt(input_area / (camera.width_px * camera.height_px)))


def known_errors(model: ErrorModel, *, input_scale: float) -> KnownErrors:
    """Turn a model's file into odds; `input_scale` is pixels of the model's input for one pixel of the frame."""

    def hit_rate(class_code: str, width_px: float, height_px: float, quality: Quality) -> float:
        if class_code not in model.confidence:
            return middling_hit_rate(class_code, width_px, height_px, quality)
        width_px, height_px = width_px * input_scale, height_px * input_scale
        return model.hit_rate(class_code, width_px=width_px, height_px=height_px, quality=quality)

    def gain(class_code: str, confidence: float) -> float:
        known = model.confidence.get(class_code)
        return as_calibrated(class_code, confidence) if known is None else known.gain(confidence).item()

    shares = {code: known.neutral for code, known in model.confidence.items()}
    odds = Odds(right_share=shares, hit_rate=hit_rate, gain=gain)
    return KnownErrors(odds=odds, side_share=dict(model.box_sigma_share))
