"""Which altered pictures tell how well a detector does in a quality: those that an agent weighs by that quality.

Fusion takes the rates of a quality for frames that the agent's quality gate let through and called so. Those that it
refuses, or calls by a milder name, say nothing about these. What is left is not a fair choice of the photos (dim
close-ups are refused, and damage is found well there): therefore it is compared with the same photos as they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge_agent.vision.quality import Judged
from models.road_damage.score import Outcome
from wire.error_model import Quality

CALLED: Final[dict[Quality, Quality]] = {
    "good": "good",
    "dark": "dark",
    "blurred": "blurred",
    "wet": "good",
    "glare": "good",
}
"""What the gate calls a frame of each quality that it sees alone. Drops are told over the frames of a drive, which
photos do not have, and only of frames that are good by themselves; a veil of light looks like a pale road."""
LEAST_DAMAGE: Final = 100  # pieces, by which a share is known to a tenth
LEAST_SCENES: Final = 10  # intervals draw scenes


class Choice(StrEnum):
    """Which of a quality's pictures are counted: the first of these that are enough; without enough, all."""

    CALLED_SO = "called so"
    USABLE = "usable"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """One picture: what the gate says of it as a frame, and what the detector finds."""

    verdict: Judged
    outcome: Outcome
    unaltered: Outcome  # what it finds on the same picture as it was


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """The pictures that are counted for a quality."""

    outcomes: Sequence[Outcome]
    unaltered: Sequence[Outcome]  # of the same pictures as they were
    of: int  # pictures that there were
    choice: Choice

    @property
    def words(self) -> str:
        why = "" if self.choice is Choice.CALLED_SO else f" ({self.choice})"
        return f"{len(self.outcomes)} of {self.of}{why}"


def sample_of(quality: Quality, seen: Sequence[Seen]) -> Sample:
    usable = [one for one in seen if one.verdict.unusable is None]
    called_so = [one for one in usable if one.verdict.quality == CALLED[quality]]
    ways = ((Choice.CALLED_SO, called_so), (Choice.USABLE, usable))
    choice, counted = next((way for way in ways if _are_enough(way[1])), (Choice.ALL, seen))
    return Sample(
        outcomes=[one.outcome for one in counted],
        unaltered=[one.unaltered for one in counted],
        of=len(seen),
        choice=choice,
    )


def _are_enough(seen: Sequence[Seen]) -> bool:
    truths = [one.outcome for one in seen if len(one.outcome.truth.boxes)]
    damage = sum(len(one.truth.boxes) for one in truths)
    return damage >= LEAST_DAMAGE and len({one.scene for one in truths}) >= LEAST_SCENES
