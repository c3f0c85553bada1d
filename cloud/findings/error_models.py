"""Error models in the database: which rates count for what a model's version saw."""

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb

from cloud.findings.rates import RateBook
from wire.error_model import ErrorModel, load_error_model

SHIPPED: Final = Path(__file__).resolve().parents[2] / "models" / "road_damage" / "error_model.json"

_REGISTER: Final = """
INSERT INTO error_models (name, version, sha256, document, registered_at)
VALUES (%(name)s, %(version)s, %(sha256)s, %(document)s, %(at)s)
ON CONFLICT ON CONSTRAINT error_models_pkey DO UPDATE SET sha256 = EXCLUDED.sha256, document = EXCLUDED.document,
    registered_at = EXCLUDED.registered_at
WHERE error_models.document IS DISTINCT FROM EXCLUDED.document
"""
_READ: Final = "SELECT name, version, document::text FROM error_models ORDER BY name, version"


def register(connection: Connection[Any], model: ErrorModel, *, at: datetime) -> bool:
    """Keep a model's error; tells whether it was not there yet, or another one. Findings follow as passes come in."""
    values = {
        "name": model.model.name,
        "version": model.model.version,
        "sha256": model.model.sha256,
        "document": Jsonb(model.model_dump(mode="json", by_alias=True)),
        "at": at,
    }
    return connection.execute(_REGISTER, values).rowcount > 0


def register_shipped(connection: Connection[Any], *, at: datetime) -> ErrorModel | None:
    """Keep the error of the model that comes with this version; none is with an installation of the cloud alone."""
    if not SHIPPED.is_file():
        return None
    model = load_error_model(SHIPPED)
    register(connection, model, at=at)
    return model


def read_rate_book(connection: Connection[Any]) -> RateBook:
    """All error models."""
    rows = connection.execute(_READ).fetchall()
    return RateBook(models={(name, version): _parsed(document) for name, version, document in rows})


@lru_cache(maxsize=64)
def _parsed(document: str) -> ErrorModel:
    return ErrorModel.model_validate_json(document)
