"""How soon the map of the pages can be used, how smooth it stays while a thousand findings change, and what is loaded.

    python -m benchmarks.dashboard --findings 100000 --json FILE

`busense serve` with a province in an embedded PostgreSQL; Chromium without a window and without a graphics card opens
the map as a visitor, with an empty cache. Usable is when the map says that findings or cells are drawn (`data-shown`).
Then a thousand findings change within ten seconds, as the worker would tell of them, and the frames that the page draws
are counted. The ratio is of frames a second then to frames a second at rest.
"""

import random
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
import psycopg
from playwright.sync_api import Page, Response, ViewportSize
from rich.console import Console

from benchmarks.province import fill
from benchmarks.record import record, write
from benchmarks.servers import database, serving
from cloud.findings.map_cells import count_marked_cells
from telemetry.result_file import RESULT_FILE
from tests.e2e.browser import running_browser

LIVE: Final = 1000
LIVE_S: Final = 10.0
TIMES: Final = 3
REST_MS: Final = 2000
SCREEN: Final[ViewportSize] = {"width": 1600, "height": 900}
_FRAMES: Final = """
(seconds) => new Promise((done) => {
  let frames = 0;
  const begin = performance.now();
  const step = (now) => {
    frames += 1;
    if (now - begin < seconds * 1000) requestAnimationFrame(step);
    else done((frames * 1000) / (now - begin));
  };
  requestAnimationFrame(step);
})
"""
_TELL: Final = """
WITH chosen AS (
    UPDATE findings SET state = CASE state WHEN 'rejected' THEN 'open' ELSE 'rejected' END
    WHERE id IN (SELECT id FROM findings WHERE merged_into IS NULL ORDER BY id DESC OFFSET %(offset)s LIMIT %(limit)s)
    RETURNING findings.*
), told AS (
    INSERT INTO changes (kind, subject, payload)
    SELECT 'finding', id::text, jsonb_build_object('type', 'Feature', 'id', id,
        'geometry', jsonb_build_object('type', 'Point', 'coordinates', jsonb_build_array(lon, lat)),
        'properties', to_jsonb(chosen) || jsonb_build_object('class_name', jsonb_build_object('zh', class_code,
            'en', class_code), 'picture', NULL, 'case', NULL))
    FROM chosen
)
SELECT pg_notify('busense_changes', '')
"""


def tell(url: str) -> None:
    """Change a thousand findings, twenty at a time, and the counts of their cells with them."""
    batch = 20
    with psycopg.connect(url, autocommit=True) as connection:
        for offset in range(0, LIVE, batch):
            connection.execute(_TELL, {"offset": offset, "limit": batch})
            count_marked_cells(connection)
            time.sleep(LIVE_S * batch / LIVE)


def usable_s(page: Page, address: str) -> float:
    """Open the map; seconds until it shows something."""
    begun_s = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(".live-map[data-shown]:not([data-shown='0'])", timeout=60_000)
    return time.perf_counter() - begun_s


def run(folder: Path, *, findings: int, seed: int, console: Console) -> dict[str, Any]:
    """Open, rest, change."""
    with database(folder, is_durable=False) as postgres, running_browser() as browser:
        fill(postgres.url(), findings, random.Random(seed), console)
        with serving(postgres.url(), folder) as server:
            address = str(server.client.base_url).removesuffix("/api/v1/")
            times: list[float] = []
            loaded: list[int] = []

            def note(response: Response) -> None:
                loaded.append(int(response.headers.get("content-length", 0)))

            pages = [browser.new_context(viewport=SCREEN).new_page() for _ in range(TIMES)]
            for page in pages:
                loaded.clear()
                page.on("response", note)
                times.append(usable_s(page, address))
            page = pages[-1]
            page.wait_for_timeout(REST_MS)
            at_rest = float(page.evaluate(_FRAMES, 5))
            teller = threading.Thread(target=tell, args=(postgres.url(),))
            teller.start()
            live = float(page.evaluate(_FRAMES, LIVE_S))
            teller.join()
    return {
        "usable_s": round(sorted(times)[len(times) // 2], 2),
        "frames_at_rest": round(at_rest, 1),
        "frames_live": round(live, 1),
        "loaded_kb": round(sum(loaded) / 1000),
    }


@click.command(help=__doc__)
@click.option("--findings", default=100_000, show_default=True, type=click.IntRange(1000))
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "json_file", type=RESULT_FILE)
def main(*, findings: int, seed: int, json_file: Path | None) -> None:
    console = Console()
    with TemporaryDirectory(prefix="busense-") as folder:
        numbers = run(Path(folder), findings=findings, seed=seed, console=console)
    console.print(numbers)
    ratio = numbers["frames_live"] / numbers["frames_at_rest"]
    ratio_is = "frames a second while a thousand findings change in ten seconds to frames at rest; 1 is best"
    numbers |= {"rows": findings, "rate": numbers["frames_live"]}
    write(json_file, record("dashboard", ratio=ratio, ratio_is=ratio_is, seed=seed, numbers=numbers))


if __name__ == "__main__":
    main()
