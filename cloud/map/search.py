"""People who are looked for: only while a search is open, for the care desk alone, and each look is written down."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from cloud.errors import LookError
from cloud.findings.cells import ring_of
from cloud.map.layer import Drawn, Glance, Layer, point
from cloud.people.permissions import Permission
from cloud.travel.looks import Looks
from cloud.travel.search import look_for

_NEWEST: Final = """
SELECT max(approved_at) FROM travel_looks
WHERE kind = 'search' AND approved_at IS NOT NULL AND closed_at IS NULL AND until_at > now()
"""
SEARCHES: Final = """
SELECT id FROM travel_looks
WHERE kind = 'search' AND approved_at IS NOT NULL AND closed_at IS NULL AND until_at > %(at)s
ORDER BY approved_at DESC LIMIT 10
"""


def _draw(glance: Glance) -> Sequence[Drawn]:
    """Nothing of the past: what was seen then belongs to the record of the search."""
    if glance.is_past:
        return []
    return [drawn for row in glance.rows(SEARCHES) for drawn in _search(row["id"], glance)]


def _search(number: UUID, glance: Glance) -> Iterator[Drawn]:
    try:
        look = Looks(connection=glance.connection, at=glance.at, actor=glance.actor).look(number)
    except LookError:  # its consent has ended
        return
    found = look_for(glance.connection, look.traveller, at=glance.at, rules=glance.travel)
    for chance in found.chances:
        yield Drawn(
            id=str(number),
            shape="Polygon",
            coordinates=[ring_of(chance.cell)],
            kind="maybe",
            value=chance.probability,
        )
    if found.last is not None:
        yield Drawn(
            id=str(number),
            shape="Point",
            coordinates=point(found.last.lon, found.last.lat),
            kind="last",
            at=found.last.to_at,
        )


SEARCH: Final = Layer(
    id="search",
    permission=Permission.CARE,
    draw=_draw,
    newest=_NEWEST,
    fresh_for=timedelta(hours=24),
    has_past=False,
    is_only_while_known=True,
)
