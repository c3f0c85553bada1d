"""How long what is kept, and when the purge runs; what a county sets."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import Field

from cloud.data_file import Entry, load_data_file

MOST_DAYS: Final = 36_525
"""A hundred years; what is kept for ever has no rule."""


class Rule(Entry):
    """How long and how much of one class."""

    days: Annotated[float, Field(gt=0, le=MOST_DAYS)]
    most_rows: Annotated[int, Field(ge=0)] | None = None


class PictureRule(Rule):
    most_bytes: Annotated[int, Field(ge=0)] | None = None


class HistoryRule(Entry):
    """How much a finding keeps of what buses told of it, besides what its cases need."""

    passes: Annotated[int, Field(ge=400)]
    """Newest passes of each finding; the fusion works on the newest 400."""


class RetentionRules(Entry):
    """All classes; one that is not named is kept for ever."""

    hour: Annotated[int, Field(ge=0, le=23)] = 3
    """Hour of the county's day after which the worker purges, once a day."""
    observations: Rule | None = None
    coverages: Rule | None = None
    track_points: Rule | None = None
    health_reports: Rule | None = None
    tag_sightings: Rule | None = None
    measurements: Rule | None = None
    driving_events: Rule | None = None
    driving_incidents: Rule | None = None
    driver_shifts: Rule | None = None
    driver_looks: Rule | None = None
    driving_exposure: Rule | None = None
    jt808_raw: Rule | None = None
    jt808_attachments: Rule | None = None
    quarantine: Rule | None = None
    set_aside: Rule | None = None
    device_commands: Rule | None = None
    device_streams: Rule | None = None
    heard_days: Rule | None = None
    sessions: Rule | None = None
    data_request_persons: Rule | None = None
    travel_heard: Rule | None = None
    travel_events: Rule | None = None
    travel_looks: Rule | None = None
    travel_watch: Rule | None = None
    segment_history: Rule | None = None
    finding_history: Rule | None = None
    pictures: PictureRule | None = None
    findings: HistoryRule | None = None


def load_retention(path: Path | None) -> RetentionRules:
    """Read the rules; without a path those shipped in the package.

    Raises:
        ConfigError: names file, line and key.
    """
    return load_data_file(RetentionRules, path, shipped=("cloud.work", "retention.toml"))


def kept_for_ever(rules: RetentionRules) -> list[str]:
    """Classes without a rule."""
    return [name for name in RetentionRules.model_fields if getattr(rules, name) is None]


def is_due(last_at: datetime | None, *, at: datetime, hour: int, zone: ZoneInfo) -> bool:
    """Whether the quiet hour has begun since the last run; one that was missed is made up for at once."""
    local = at.astimezone(zone)
    quiet = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return last_at is None or last_at < (quiet if quiet <= local else quiet - timedelta(days=1))
