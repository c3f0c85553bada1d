"""A finding as viewers get it: a GeoJSON feature."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel

from cloud.findings.catalogue import Catalogue, LocalName
from cloud.findings.decisions import DecisionKind
from cloud.findings.fuse import RECENT_PASSES
from cloud.findings.model import FindingState, PassKind, Severity
from cloud.findings.size import size_and_sigma
from cloud.findings.trend import trend
from cloud.people.scope import EVERYTHING, Scope

OFTEN: Final = 0.2  # of false alarms; a sighting in its place has a few in a hundred


class Words(BaseModel):
    """A sentence for people; a name is shorter."""

    zh: str
    en: str


LIGHT_IN_WORDS: Final = {
    "good": Words(zh="画面清晰", en="in clear pictures"),
    "dark": Words(zh="画面昏暗", en="in dark pictures"),
    "blurred": Words(zh="画面模糊", en="in blurred pictures"),
    "wet": Words(zh="镜前有雨水", en="with rain on the pane"),
    "glare": Words(zh="逆光", en="against the light"),
}
"""By the words of the error model."""


class Point(BaseModel):
    """A place, lon before lat."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float]


class CaseReference(BaseModel):
    """The newest case of a finding."""

    id: UUID
    number: str
    state: str
    unit: str | None


class FindingProperties(BaseModel):
    """What the system believes of a finding."""

    class_code: str
    class_name: LocalName
    severity: Severity
    existence: float
    state: FindingState
    passes_seen: int
    passes_missed: int
    first_seen_at: datetime
    last_seen_at: datetime
    position_sigma_m: float
    length_m: float | None
    width_m: float | None
    area_m2: float | None
    picture: str | None
    case: CaseReference | None


class FindingFeature(BaseModel):
    """One finding."""

    type: Literal["Feature"] = "Feature"
    id: UUID
    geometry: Point
    properties: FindingProperties


class FindingCollection(BaseModel):
    """A page of findings; `next` is the cursor of the next page."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[FindingFeature]
    next: str | None


class PassPicture(BaseModel):
    """The picture of a pass; it may still be on its way."""

    sha256: str
    available: bool
    width_px: int
    height_px: int


class FindingPass(BaseModel):
    """One bus that went by, and what that did to the belief."""

    at: datetime
    kind: PassKind
    device: str
    confidence: float | None
    probability_before: float
    probability_after: float
    hit: float | None
    """Chance that such a pass reports damage that is there."""
    false_alarm: float | None
    """Chance that such a pass reports something that would be taken for this damage though there is none.

    It grows with the length of road from which a false alarm could be taken for it: a sighting that lies far from where
    the others saw it has a large one, and weighs little.
    """
    is_measured: bool
    """Whether these rates come from the model's error model; else the county's catalogue assumes them."""
    why: Words
    observation_id: UUID | None
    lon: float | None
    lat: float | None
    distance_m: float | None
    picture: PassPicture | None
    box_xyxy_px: tuple[float, float, float, float] | None
    frame_width_px: int | None
    frame_height_px: int | None


class Decision(BaseModel):
    """What a person said of this finding."""

    id: UUID
    kind: DecisionKind
    at: datetime
    actor: str
    reason: str
    other_finding: UUID | None
    undone_at: datetime | None
    undone_by: str | None
    undone_reason: str | None


class Size(BaseModel):
    """The measure that decides how bad it is: median of the newest passes that measured it."""

    measure: Literal["length_m", "width_m", "area_m2"]
    now: float
    sigma: float | None
    """None where a single pass measured it."""
    of: int
    """Number of passes."""
    severity_share: float | None
    """How sure the severity is, by this error."""


class Growth(BaseModel):
    """How a measure of it changes: a line through what the passes measured."""

    measure: Literal["length_m", "width_m", "area_m2"]
    now: float
    sigma: float
    per_year: float
    per_year_sigma: float
    of: int
    """Number of passes that measured it."""


class FindingDetailProperties(FindingProperties):
    """The same with the reasons."""

    passes: list[FindingPass]
    trimmed_seen: int
    """Passes that saw it and are no longer listed."""
    trimmed_missed: int
    merged_into: UUID | None
    decisions: list[Decision]
    size: Size | None
    growth: Growth | None


class FindingDetail(BaseModel):
    """One finding with its passes, in order of time."""

    type: Literal["Feature"] = "Feature"
    id: UUID
    geometry: Point
    properties: FindingDetailProperties


FEATURE_COLUMNS: Final = """
SELECT f.id, f.city, f.lon, f.lat, f.class_code, f.severity, f.existence, f.state, f.passes_seen, f.passes_missed,
    f.first_seen_at, f.last_seen_at, f.position_sigma_m, f.length_m, f.width_m, f.area_m2,
    f.picture_sha256 AS picture, f.merged_into, f.trimmed_seen, f.trimmed_missed,
    c.id AS case_id, c.number AS case_number, c.state AS case_state, c.unit AS case_unit
FROM findings f
LEFT JOIN LATERAL (
    SELECT id, number, state, unit FROM cases WHERE finding_id = f.id ORDER BY opened_at DESC, id DESC LIMIT 1
) c ON true
"""
FEATURES_BY_ID: Final = FEATURE_COLUMNS + "WHERE f.id = ANY(%(ids)s) ORDER BY f.id"

Record = dict[str, Any]


def feature_of(record: Record, *, catalogue: Catalogue, scope: Scope = EVERYTHING) -> FindingFeature:
    """Shape a row of FEATURE_COLUMNS; a case out of scope is not told."""
    return FindingFeature(
        id=record["id"],
        geometry=Point(coordinates=(record["lon"], record["lat"])),
        properties=FindingProperties.model_validate(_properties(record, catalogue, scope)),
    )


def detail_of(
    record: Record, passes: list[Record], decisions: list[Record], *, catalogue: Catalogue, scope: Scope = EVERYTHING
) -> FindingDetail:
    """Shape a row of FEATURE_COLUMNS and its rows of PASSES and DECISIONS."""
    properties = _properties(record, catalogue, scope) | {
        "passes": [_pass_of(row) for row in passes],
        "decisions": decisions,
        "size": _size(record, passes, catalogue),
        "growth": _growth(record["class_code"], passes, catalogue),
    }
    return FindingDetail(
        id=record["id"],
        geometry=Point(coordinates=(record["lon"], record["lat"])),
        properties=FindingDetailProperties.model_validate(properties),
    )


PASSES: Final = """
SELECT p.at, p.kind, p.device, p.confidence, p.looked_share, p.probability_before, p.probability_after,
    p.hit, p.false_alarm, p.is_measured, p.quality, o.class_code, o.length_m, o.width_m, o.area_m2,
    p.observation_id, o.lon, o.lat, o.distance_m, o.box_xyxy_px, o.frame_width_px, o.frame_height_px,
    k.sha256, k.received_at IS NOT NULL AS available, k.width_px, k.height_px
FROM finding_passes p
LEFT JOIN observations o ON o.id_at = p.observation_id_at AND o.city = p.city AND o.device = p.device
    AND o.id = p.observation_id
LEFT JOIN pictures k ON k.sha256 = o.picture_sha256
WHERE p.finding_id = %(id)s
ORDER BY p.at DESC, p.city, p.device
LIMIT 1000
"""


DECISIONS: Final = """
SELECT id, kind, at, actor, reason, undone_at, undone_by, undone_reason,
    CASE WHEN first_finding = %(id)s THEN second_finding ELSE first_finding END AS other_finding
FROM finding_decisions WHERE first_finding = %(id)s OR second_finding = %(id)s ORDER BY at, id LIMIT 1000
"""


def _size(record: Record, passes: list[Record], catalogue: Catalogue) -> Size | None:
    entry = catalogue.classes.get(record["class_code"])
    if entry is None:
        return None
    measure = entry.severity.measure
    recent = [row for row in passes if row["kind"] == PassKind.SEEN][-RECENT_PASSES:]
    measured = [row[measure] for row in recent if row[measure] is not None]
    if not measured:
        return None
    now, sigma = size_and_sigma(measured)
    severity = Severity(record["severity"])
    share = None if sigma is None else entry.severity.share_of(severity, size=now, sigma=sigma)
    return Size(measure=measure, now=now, sigma=sigma, of=len(measured), severity_share=share)


def _growth(class_code: str, passes: list[Record], catalogue: Catalogue) -> Growth | None:
    entry = catalogue.classes.get(class_code)
    if entry is None:
        return None
    measure = entry.severity.measure
    found = trend([(row["at"], row[measure]) for row in passes if row[measure] is not None])
    return None if found is None else Growth(measure=measure, **asdict(found))


def _properties(record: Record, catalogue: Catalogue, scope: Scope) -> Record:
    is_told = scope.has_case(unit=record["case_unit"], lon=record["lon"], lat=record["lat"])
    case = {"id": record["case_id"], "number": record["case_number"], "state": record["case_state"]}
    case["unit"] = record["case_unit"]
    return record | {
        "class_name": catalogue.name_of(record["class_code"]),
        "case": case if record["case_id"] is not None and is_told else None,
    }


def _pass_of(record: Record) -> FindingPass:
    fields = ("sha256", "available", "width_px", "height_px")
    picture = {name: record[name] for name in fields} if record["sha256"] is not None else None
    return FindingPass.model_validate(record | {"picture": picture, "why": why(record)})


def why(record: Record) -> Words:
    """Say in words what the pass did to the belief, and why so much."""
    change = f"{record['probability_before']:.0%} → {record['probability_after']:.0%}"
    rates = _rates_in_words(record)
    light = _light_in_words(record["quality"])
    if record["kind"] == PassKind.SEEN and record["observation_id"] is not None:
        sure = f"{record['confidence']:.0%}"
        return Words(
            zh=f"看到了，置信度 {sure}{light.zh}：{change}{rates.zh}",
            en=f"seen with confidence {sure}{light.en}: {change}{rates.en}",
        )
    looked = f"{record['looked_share']:.0%}"
    is_of_a_gap = record["kind"] == PassKind.SEEN  # what was seen is that a thing is missing
    zh, en = ("原处未见该设施", "and it was not there") if is_of_a_gap else ("没有看到", "not seen")
    return Words(
        zh=f"经过并观察（可见 {looked}{light.zh}），{zh}：{change}{rates.zh}",
        en=f"looked ({looked} of the way in view{light.en}), {en}: {change}{rates.en}",
    )


def _light_in_words(quality: str | None) -> Words:
    """How the pictures of a pass were; older buses do not tell."""
    if quality is None:
        return Words(zh="", en="")
    unheard = Words(zh=f"画面为“{quality}”", en=f"in pictures called “{quality}”")
    words = LIGHT_IN_WORDS.get(quality, unheard)
    return Words(zh=f"，{words.zh}", en=f", {words.en}")


def _rates_in_words(record: Record) -> Words:
    """What a pass tells on the average, as numbers of a hundred; a pass that saw nothing invented nothing."""
    if record["hit"] is None:
        return Words(zh="", en="")
    hit = _of_hundred(record["hit"])
    source_zh, source_en = ("实测", "measured") if record["is_measured"] else ("假定", "assumed")
    zh = f"。若确有病害，每 100 次这样的经过约报告 {hit.zh} 次"
    en = f". Of 100 such passes {hit.en} report damage that is there"
    if record["kind"] == PassKind.SEEN:
        invented = _of_hundred(record["false_alarm"])
        zh += f"，若没有，也会误报 {invented.zh} 次"
        en += f", and {invented.en} report some where none is"
    zh, en = f"{zh}（{source_zh}）", f"{en} ({source_en})"
    if record["kind"] == PassKind.SEEN and record["false_alarm"] >= OFTEN:
        zh += "。这次的位置与其他各次不太吻合，沿路较长一段内的任何误报都可能被当成它，所以分量很轻"
        en += (
            ". It lies off from where the others saw it: any false alarm along a good stretch of the road could be"
            " taken for it, so it weighs little"
        )
    return Words(zh=zh, en=en)


def _of_hundred(share: float) -> Words:
    number = f"{share * 100:.0f}"
    return Words(zh="不到 1", en="fewer than 1") if number == "0" else Words(zh=number, en=number)
