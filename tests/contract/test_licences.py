"""Nothing under the GPL or AGPL gets into what is installed, and the list in docs/ is of today's packages."""

import pytest

from deploy import licences

ALLOWED = (
    *("0BSD", "Apache", "BSD", "CC0", "EPL-2.0 OR BSD", "HPND", "ISC", "LGPL-3.0-only", "MIT", "MPL"),
    *("Mozilla Public License 2.0", "PSF", "Python Software Foundation", "Unlicense", "Zlib", "ZPL", "3-Clause BSD"),
)
LINKED_UNCHANGED = {"psycopg", "psycopg-binary", "psycopg-pool"}


@pytest.mark.parametrize(("name", "licence"), [*licences.python_licences().items(), *licences.npm_licences().items()])
def test_each_licence_may_be_linked(name: str, licence: str) -> None:
    assert licence.lstrip("(").startswith(ALLOWED), f"{name}: {licence}"
    assert "AGPL" not in licence
    assert "GPL" not in licence or name in LINKED_UNCHANGED, f"{name}: {licence}"


def test_the_list_in_docs_is_fresh() -> None:
    assert licences.DOCUMENT.read_text() == licences.document_text(), "run `make schemas`"


def test_what_everything_stands_on_is_in_the_list() -> None:
    assert {"fastapi", "numpy", "psycopg", "onnxruntime", "cryptography", "argon2-cffi"} <= set(
        licences.python_licences()
    )
    assert {"vue", "maplibre-gl", "element-plus"} <= set(licences.npm_licences())
