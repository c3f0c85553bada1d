"""`busense roads import`: a file into the database, with its progress."""

import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import track

from cloud.condition.requeue import requeue
from cloud.condition.rules import load_rules
from cloud.config import CloudConfig
from cloud.db.pool import connect
from cloud.roads.files import open_roads
from cloud.roads.imports import Imported, import_roads
from cloud.roads.model import JoinedRoad

PLAIN_EVERY = 10_000  # roads, where no terminal draws a bar


def run_import(config: CloudConfig, file: Path, *, at: datetime) -> Imported:
    """Import a file; what was seen on the roads is placed anew where they changed.

    Raises:
        RoadsError, UnavailableError: saying what is wrong; nothing is imported then.
    """
    rules = load_rules(config.work.condition)
    count, roads = open_roads(file)
    with connect(config.database.read_url()) as connection:
        imported = import_roads(connection, _shown(roads, count), at=at)
        if imported.is_change:
            requeue(connection, rules=rules, at=at)
    return imported


def _shown(roads: Iterable[JoinedRoad], count: int) -> Iterator[JoinedRoad]:
    console = Console(stderr=True)
    if console.is_terminal:
        yield from track(roads, total=count, description="roads", console=console)
        return
    for number, road in enumerate(roads, start=1):
        if number % PLAIN_EVERY == 0:
            sys.stderr.write(f"{number} of {count} roads\n")
        yield road
