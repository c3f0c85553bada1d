"""Entity tags of lists: the newest change, as long as nothing older can still be committed."""

import hashlib
from typing import Final

from cloud.api.deps import Database
from cloud.findings.catalogue import Catalogue
from cloud.people.scope import Scope

_NEWEST: Final = """
SELECT xid::text || '-' || id, xid < pg_snapshot_xmin(pg_current_snapshot()) FROM changes
WHERE kind IN ('finding', 'case') ORDER BY xid DESC, id DESC LIMIT 1
"""


async def entity_tag(connection: Database, catalogue: Catalogue, scope: Scope) -> str | None:
    """Tag of what findings and cases are now, for those who see as much; none while an older transaction runs."""
    row = await (await connection.execute(_NEWEST)).fetchone()
    if row is None or not row[1]:
        return None
    names = hashlib.sha256((catalogue.model_dump_json() + repr(scope.values())).encode()).hexdigest()[:8]
    return f'W/"{row[0]}-{names}"'


def matches(if_none_match: str | None, tag: str | None) -> bool:
    """Whether the client has it already."""
    if if_none_match is None or tag is None:
        return False
    return tag in (part.strip() for part in if_none_match.split(","))
