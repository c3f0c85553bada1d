"""The measured part of the card: written anew with each release, so that it cannot tell of another model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edge_agent.vision.model_file import Manifest, Weights
from models.errors import DataError
from models.road_damage.report import Report, as_markdown
from models.road_damage.sample import Sample
from wire.error_model import ErrorModel, Quality

BEGIN: Final = "<!-- measured: written by `busense models evaluate road_damage --ship` -->"
END: Final = "<!-- measured: end -->"
MEGABYTE: Final = 1_000_000


def write_measured(
    folder: Path, manifest: Manifest, report: Report, errors: ErrorModel, samples: Mapping[Quality, Sample]
) -> None:
    """Replace what stands between the two marks of the folder's card.md.

    Raises:
        DataError: the card does not have the marks.
    """
    path = folder / "card.md"
    card = path.read_text(encoding="utf-8")
    before, begin, rest = card.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DataError(f"{path} lacks the marks {BEGIN} and {END}")
    parts = (_files(folder, manifest), as_markdown(report), _errors(errors, samples))
    path.write_text("\n".join([f"{before}{BEGIN}\n", *parts, f"{END}{after}"]), encoding="utf-8")


def _files(folder: Path, manifest: Manifest) -> str:
    rows = [
        ("version", manifest.version),
        ("fp32", _file(folder, manifest.weights("fp32"))),
        *([("int8", _file(folder, manifest.int8))] if manifest.int8 is not None else []),
        *([("second look", _file(folder, manifest.second_look))] if manifest.second_look is not None else []),
        ("input", f"a picture is scaled to the area of {manifest.input_width} x {manifest.input_height} pixels"),
        ("threshold", f"{manifest.threshold} of the calibrated confidence"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {words} |" for name, words in rows), ""])


def _file(folder: Path, weights: Weights) -> str:
    size = (folder / weights.file).stat().st_size / MEGABYTE
    return f"`{weights.file}`, {size:.1f} MB, SHA-256 `{weights.sha256}`"


def _errors(errors: ErrorModel, samples: Mapping[Quality, Sample]) -> str:
    """Share found and false alarms per 100 pictures, for each class and quality."""
    pictures = ["pictures", *(samples[quality].words for quality in errors.qualities)]
    heads = ["class", *(f"{quality}: found, per 100 pictures invented" for quality in errors.qualities)]
    rows = [[code, *(_cell(errors, code, quality) for quality in errors.qualities)] for code in errors.classes]
    lines = [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), pictures, *rows)]
    return "\n".join(["### By quality of the picture (error_model.json)", "", errors.measured_on.note, "", *lines, ""])


def _cell(errors: ErrorModel, code: str, quality: str) -> str:
    rows = [row for row in errors.hit if row.class_code == code]
    rates = {row.size: row.rate for row in rows if row.quality == quality}
    of_size = {row.size: row.of for row in rows if row.quality == "good"}
    return f"{_overall(rates, of_size):.2f}, {100 * errors.false_alarms_per_picture(code, quality=quality):.1f}"


def _overall(rates: Mapping[int, float], of_size: Mapping[int, int]) -> float:
    """Share that is found, over all sizes as they occur on good pictures."""
    return sum(rate * of_size[size] for size, rate in rates.items()) / max(sum(of_size.values()), 1)
