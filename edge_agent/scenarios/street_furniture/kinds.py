"""Which of a model's classes are which kind of street furniture, and how such a thing stands: from its manifest.

[furniture.stop_sign]
kind = "SIGN"
width_m = 0.8 # it hangs: how far away it is follows from its size

[furniture.hydrant]
kind = "HYDRANT" # it stands: the foot of its box is on the ground
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edge_agent.errors import ModelError
from wire.units import ClassCode


class Outline(BaseModel):
    """A class of the model as a kind of thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassCode
    width_m: Annotated[float, Field(gt=0, le=20)] | None = None  # of what hangs over the ground; None: it stands


Outlines = Mapping[str, Outline]  # by the model's class

_TABLE: TypeAdapter[dict[ClassCode, Outline]] = TypeAdapter(
    Annotated[dict[ClassCode, Outline], Field(min_length=1, max_length=64)]
)


def read_outlines(manifest: Path) -> Outlines:
    """Read the table `[furniture]` of a manifest; classes that do not stand there are not told.

    Raises:
        ModelError: there is none, or it is wrong.
    """
    try:
        return _TABLE.validate_python(tomllib.loads(manifest.read_text(encoding="utf-8")).get("furniture", {}))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ModelError(f"manifest {manifest}: [furniture]: {error}") from error
