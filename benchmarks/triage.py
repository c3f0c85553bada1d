"""How long the triage page makes a person wait: from the key to the next case drawn.

    python -m benchmarks.triage --cases 60 --json FILE

`busense serve` with cases to judge in an embedded PostgreSQL, each with eight passes and pictures of them; Chromium
without a window judges one after the other with one key each: confirm, reject, next. Drawn is the next case when
its pictures are decoded and its keys answer. What is left of an hour is the person's.
"""

import io
import itertools
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
import numpy as np
import psycopg
from PIL import Image
from playwright.sync_api import Page
from rich.console import Console

from benchmarks.api import token_of_desk
from benchmarks.province import fill
from benchmarks.record import record, write
from benchmarks.servers import CITY, database, serving
from telemetry.result_file import RESULT_FILE
from tests.e2e.browser import open_viewer, running_browser

GOAL_AN_HOUR: Final = 200
KEYS: Final = ("y", "n", "j")  # confirm, reject, next; merge is answered as the first two are
PASSES: Final = 8
WIDTH_PX, HEIGHT_PX = 1280, 720
PICTURES_AT: Final = timedelta(minutes=5)  # before now, when the last pass was

_CASES: Final = """
INSERT INTO cases (id, city, number, finding_id, class_code, severity, state, unit, opened_at, due_at)
SELECT uuidv7(), city, 'bench-' || row_number() OVER (), id, class_code, severity, 'reported', 'roads',
    now() - row_number() OVER () * interval '1 minute', now() + interval '1 day'
FROM findings
"""
_PICTURE: Final = """
INSERT INTO pictures (sha256, city, device, size_bytes, media_type, width_px, height_px, blur, announced_at,
    received_at)
VALUES (%(sha256)s, %(city)s, 'bus-1', %(size)s, 'image/jpeg', %(width)s, %(height)s, '{}', now(), now())
"""
_PASSES: Final = """
WITH taken AS (
    SELECT f.id AS finding_id, f.lon, f.lat, f.class_code, f.cell, uuidv7() AS id, 'bus-' || n AS device, n,
        %(at)s - n * interval '3 hours' AS at,
        (%(pictures)s::text[])[1 + ((row_number() OVER () - 1) %% cardinality(%(pictures)s::text[]))] AS picture
    FROM findings f, generate_series(1, %(passes)s) n
), seen AS (
    INSERT INTO observations (id, id_at, city, device, stream, sequence, received_at, observed_at, first_seen_at,
        last_seen_at, class_code, confidence, lon, lat, along_m, across_m, heading_deg, frames, box_xyxy_px,
        frame_width_px, frame_height_px, camera_id, model_name, model_version, model_sha256, distance_m,
        picture_sha256, cell)
    SELECT id, at, %(city)s, device, id, 1, at, at, at, at, class_code, 0.8, lon, lat, 3, 3, 90, 5,
        ARRAY[500, 400, 700, 500], %(width)s, %(height)s, 'front', 'bench', '1', repeat('0', 64), 6, picture, cell
    FROM taken
)
INSERT INTO finding_passes (finding_id, at, city, device, kind, looked_share, confidence, observation_id,
    observation_id_at, probability_before, probability_after)
SELECT finding_id, at, %(city)s, device, 'seen', 1, 0.8, id, at, 1 - 0.1 * n, 1.1 - 0.1 * n FROM taken
"""
_WATCH: Final = """
() => {
  window.judgedMs = [];
  addEventListener("keydown", (event) => {
    const begun = event.timeStamp;
    const before = document.querySelector("section.stage")?.getAttribute("aria-label");
    const look = () => {
      const stage = document.querySelector("section.stage");
      const shown = [...(stage?.querySelectorAll("img") ?? [])];
      const isDrawn = shown.length > 0 && shown.every((image) => image.complete && image.naturalWidth > 0);
      const isAnswering = document.querySelector("button.yes:enabled") !== null;
      const isNext = stage !== null && stage.getAttribute("aria-label") !== before;
      if (isNext && isDrawn && isAnswering) {
        window.judgedMs.push([event.key, performance.now() - begun]);
        document.body.dataset.judged = window.judgedMs.length;
      } else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, { capture: true });
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What one key made the person wait."""

    key: str
    ms: float


def fill_desk(url: str, folder: Path, cases: int, console: Console) -> None:
    """Cases that are all to be judged."""
    fill(url, cases, random.Random(0), console)
    pictures = [_picture(folder, seed) for seed in range(cases)]
    values = {
        "at": datetime.now(UTC) - PICTURES_AT,
        "passes": PASSES,
        "city": CITY,
        "pictures": [name for name, _ in pictures],
        "width": WIDTH_PX,
        "height": HEIGHT_PX,
    }
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(_CASES)
        for name, size in pictures:
            connection.execute(_PICTURE, values | {"sha256": name, "size": size})
        connection.execute(_PASSES, values)


def _picture(folder: Path, seed: int) -> tuple[str, int]:
    """A picture as large as a bus sends it, in the store; its name and its bytes."""
    coarse = np.random.default_rng(seed).integers(60, 200, (HEIGHT_PX // 8, WIDTH_PX // 8, 3), dtype=np.uint8)
    held = io.BytesIO()
    Image.fromarray(coarse).resize((WIDTH_PX, HEIGHT_PX)).save(held, "JPEG", quality=85)
    name = sha256(held.getvalue()).hexdigest()
    file = folder / "pictures" / name[:2] / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(held.getvalue())
    return name, len(held.getvalue())


def judge(page: Page, cases: int) -> list[Wait]:
    """One key for each case but the last, each once the one before is drawn."""
    page.wait_for_selector("button.yes:enabled")
    page.wait_for_selector("section.stage img")
    page.evaluate(_WATCH)
    for judged, key in zip(range(1, cases), itertools.cycle(KEYS), strict=False):
        page.keyboard.press(key)
        page.wait_for_selector(f"body[data-judged='{judged}']")  # the page's policy lets no polled script in
    return [Wait(key=key, ms=ms) for key, ms in json.loads(page.evaluate("JSON.stringify(window.judgedMs)"))]


def run(folder: Path, *, cases: int, console: Console) -> dict[str, Any]:
    """Fill, serve, judge."""
    with database(folder, is_durable=True) as postgres, running_browser() as browser:
        fill_desk(postgres.url(), folder, cases, console)
        token = token_of_desk(postgres.url())
        with serving(postgres.url(), folder) as server:
            address = str(server.client.base_url).removesuffix("/api/v1/")
            with open_viewer(browser, address, token=token) as viewer:
                viewer.open("/triage")
                waits = judge(viewer.page, cases)
                problems = viewer.problems
    return _summary(waits) | {"problems": problems}


def _summary(waits: list[Wait]) -> dict[str, Any]:
    taken_ms = [wait.ms for wait in waits]
    keys = {key: [wait.ms for wait in waits if wait.key == key] for key in KEYS}
    return {
        "cases": len(waits),
        "keys_a_case": 1,
        "p50_ms": round(float(np.percentile(taken_ms, 50))),
        "p95_ms": round(float(np.percentile(taken_ms, 95))),
        "most_ms": round(max(taken_ms)),
        "p95_ms_by_key": {key: round(float(np.percentile(each, 95))) for key, each in keys.items() if each},
    }


@click.command(help=__doc__)
@click.option("--cases", default=60, show_default=True, type=click.IntRange(8, 200))
@click.option("--json", "json_file", type=RESULT_FILE)
def main(*, cases: int, json_file: Path | None) -> None:
    console = Console()
    with TemporaryDirectory(prefix="busense-") as folder:
        numbers = run(Path(folder), cases=cases, console=console)
    console.print(numbers)
    share = numbers["p95_ms"] / 1000 * GOAL_AN_HOUR / 3600
    ratio_is = (
        f"share of the time for a case, at {GOAL_AN_HOUR} an hour, for which p95 of the waits makes a person wait"
    )
    numbers |= {"rows": cases, "rate": 1000 / numbers["p50_ms"]}
    write(json_file, record("triage", ratio=share, ratio_is=ratio_is, seed=0, numbers=numbers))


if __name__ == "__main__":
    main()
