"""A small error model, complete and made up."""

from itertools import product
from typing import Any

CLASSES = ("D00", "D40")
EDGES_PX = (0.0, 32.0, 100_000.0)


def error_model_document() -> dict[str, Any]:
    """Larger is found more often, darkness hurts, D40 is invented more often than D00."""
    return {
        "format": "busense.error-model.v1",
        "model": {"name": "road_damage", "version": "0.2.0", "sha256": "0" * 64},
        "threshold": 0.3,
        "measured_on": {"pictures": 305, "scenes": 52, "note": "made up"},
        "size_edges_px": list(EDGES_PX),
        "hit": [
            {
                "class": code,
                "size": size,
                "quality": quality,
                "rate": 0.3 + 0.4 * size - (0.2 if quality == "dark" else 0.0),
                "low": 0.0,
                "high": 1.0,
                "of": 12,
            }
            for code, size, quality in product(CLASSES, (0, 1), ("good", "dark"))
        ],
        "false_alarms": [
            {
                "class": code,
                "quality": quality,
                "per_picture": (0.02 if code == "D40" else 0.01) * (2 if quality == "dark" else 1),
                "low": 0.0,
                "high": 0.1,
                "pictures": 221,
            }
            for code, quality in product(CLASSES, ("good", "dark"))
        ],
        "confidence": {code: {"hit": [4.0, 2.0], "false": [2.0, 3.0]} for code in CLASSES},
        "box_sigma_share": {"D00": 0.15, "D40": 0.06},
    }
