"""What looks at somebody's whereabouts have in common, whoever is looked at."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from cloud.api.deps import SecretBody

Purpose = Annotated[str, Field(min_length=5, max_length=500, pattern=r"^[^\x00]+$")]


class LookOutcome(SecretBody):
    """How it ended."""

    outcome: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""


class AnyLookView(BaseModel):
    """A look: `asked` waits for a second person, `open` may be looked at until its time is over."""

    id: UUID
    state: Literal["asked", "open", "closed"]
    purpose: str
    minutes: int
    asked_at: datetime
    asked_by: str
    approved_by: str | None
    until_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    outcome: str | None
