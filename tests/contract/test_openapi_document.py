"""The committed OpenAPI document is what the code says."""

import json

from cloud.api.openapi import DOCUMENT, openapi_text


def test_document_is_fresh() -> None:
    assert DOCUMENT.read_text() == openapi_text(), "run `make schemas` and commit cloud/api/openapi.json"


def test_every_operation_can_answer_with_a_problem() -> None:
    document = json.loads(openapi_text())
    operations = [operation for path in document["paths"].values() for operation in path.values()]

    assert document["openapi"].startswith("3.1")
    assert len(operations) >= 15
    for operation in operations:
        assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_every_reference_leads_somewhere() -> None:
    text = openapi_text()
    schemas = json.loads(text)["components"]["schemas"]
    references = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}

    assert references <= set(schemas)
