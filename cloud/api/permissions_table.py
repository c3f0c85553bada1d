"""The table of routes and roles: `python -m cloud.api.permissions_table` writes docs/permissions.md."""

from pathlib import Path
from typing import Final

from cloud.api.app import create_app
from cloud.api.declared import declared_routes, table
from cloud.config import CloudConfig, DatabaseConfig

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "permissions.md"
_HEAD: Final = """<!-- Generated from the routes and cloud/people/permissions.py by `make schemas`; do not edit. -->
# Who may ask for what

Each cell is asked of a running server by `tests/integration/test_permissions.py`. `open` is for everybody, `device` for
buses alone; a visitor is somebody who has not signed in, where `[serve] visitors` lets them look. A token has at most
what its owner's role has, and never `account` or `manage_people`.

A unit or areas of an account narrow down the rows: a case of another unit or place is answered like one that does not
exist (404), is in no list, no event and no delivery; a finding outside the areas likewise. What only counts (summary,
map from far away, condition of roads, scores of how buses are driven) counts everything. What may be done with a case
in which state, and that a crew acts only on its own, is in [case-states.md](case-states.md).
"""


def document_text() -> str:
    """Text of the document."""
    app = create_app(CloudConfig(city="demo", database=DatabaseConfig(url="postgresql:///busense")))
    return "\n".join([_HEAD, *table(declared_routes(app)), ""])


if __name__ == "__main__":
    DOCUMENT.write_text(document_text())
