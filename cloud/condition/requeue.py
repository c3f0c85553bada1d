"""After the road network changed: everything is placed on it anew."""

from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from cloud.condition.rules import ConditionRules

_FINDINGS: Final = """
INSERT INTO condition_queue (kind, city, device, id) SELECT 'finding', city, '', id FROM findings ON CONFLICT DO NOTHING
"""
_COVERAGES: Final = """
INSERT INTO condition_queue (kind, city, device, id, id_at)
SELECT 'coverage', city, device, id, id_at FROM coverages WHERE id_at > %s ON CONFLICT DO NOTHING
"""


def requeue(connection: Connection[Any], *, rules: ConditionRules, at: datetime) -> int:
    """Queue all findings and all looks that still count; returns how many."""
    found = connection.execute(_FINDINGS).rowcount
    return found + connection.execute(_COVERAGES, (at - rules.survey.window,)).rowcount
