"""The OpenAPI document: `python -m cloud.api.openapi` writes it next to this file."""

import json
from pathlib import Path
from typing import Any, Final

from cloud.api.app import create_app
from cloud.api.once import DESCRIPTION, HEADER, LONGEST, PATTERN, SHORTEST, takes_key
from cloud.api.problems import MEDIA_TYPE, Problem
from cloud.config import CloudConfig, DatabaseConfig

DOCUMENT: Final = Path(__file__).with_name("openapi.json")
_PROBLEM: Final = {
    "description": "a problem (RFC 9457)",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_KEY: Final = {
    "name": HEADER.lower(),
    "in": "header",
    "required": False,
    "description": DESCRIPTION,
    "schema": {"type": "string", "minLength": SHORTEST, "maxLength": LONGEST, "pattern": PATTERN},
}


def openapi_text() -> str:
    """Text of the document, with a problem as every operation's other answer."""
    config = CloudConfig(city="demo", database=DatabaseConfig(url="postgresql:///busense"))
    document = create_app(config).openapi()
    _add_problems(document)
    _add_keys(document)
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _add_problems(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs")
    schemas["Problem"] = problem
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = _PROBLEM


def _add_keys(document: dict[str, Any]) -> None:
    """Say of each write that it takes a key, where it does not ask for one."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parameters = operation.setdefault("parameters", [])
            is_said = any(parameter["name"] == _KEY["name"] for parameter in parameters)
            if takes_key(method.upper(), path) and not is_said:
                parameters.append(_KEY)
            if not parameters:
                del operation["parameters"]


if __name__ == "__main__":
    DOCUMENT.write_text(openapi_text())
