"""The public notice: what is collected, for how long, who answers for it; for anybody."""

from pathlib import Path

import httpx

from cloud.work.retention_rules import load_retention
from tests.integration.api_server import running_server


def test_anybody_may_know_what_is_kept_and_for_how_long(database: str, tmp_path: Path) -> None:
    with running_server(database, tmp_path, visitors=False, contact="dpo@county.example") as (_, address):
        answer = httpx.get(f"{address}/api/v1/notice")
    assert answer.status_code == 200
    notice = answer.json()
    assert notice["contact"] == "dpo@county.example"
    rules = load_retention(None)
    assert rules.pictures is not None
    assert rules.track_points is not None
    days = {kept["what"]: kept["days"] for kept in notice["kept"]}
    assert days["pictures"] == rules.pictures.days
    assert days["track_points"] == rules.track_points.days
    assert set(days) == {
        *("pictures", "device_commands", "track_points"),
        *("driving_events", "driving_incidents", "driver_shifts", "driver_looks"),
        "data_request_persons",
    }
