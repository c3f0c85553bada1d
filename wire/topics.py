"""Topics: `busense/v1/<city>/<device>/<kind>`."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from wire.errors import TopicError
from wire.messages import Kind

PREFIX: Final = "busense/v1"
ALL_TOPICS: Final = f"{PREFIX}/#"

_LEVELS_OF_KIND: Final = {
    kind: {Kind.TWIN_DESIRED: "twin/desired", Kind.TWIN_REPORTED: "twin/reported"}.get(kind, kind.value)
    for kind in Kind
}
_KIND_OF_LEVELS: Final = {levels: kind for kind, levels in _LEVELS_OF_KIND.items()}
SLUG_PATTERN: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SLUG: Final = re.compile(SLUG_PATTERN)

TO_DEVICE: Final = frozenset({Kind.TWIN_DESIRED, Kind.STORED, Kind.COMMAND})
FROM_DEVICE: Final = frozenset(Kind) - TO_DEVICE
RETAINED: Final = frozenset({Kind.STATE, Kind.TWIN_REPORTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A parsed topic."""

    city: str
    device: str
    kind: Kind

    def __str__(self) -> str:
        return f"{PREFIX}/{self.city}/{self.device}/{_LEVELS_OF_KIND[self.kind]}"

    @property
    def source(self) -> str:
        """What the envelope's `source` must be."""
        return f"/{self.city}/{self.device}"


@lru_cache(maxsize=16_384)  # a bus speaks on the same few all day
def parse_topic(text: str) -> Topic:
    """Read a topic.

    Raises:
        TopicError: it is not one of ours.
    """
    parts = text.split("/", 4)
    if len(parts) != 5 or "/".join(parts[:2]) != PREFIX:  # noqa: PLR2004
        raise TopicError(f"topic {text[:200]!r} does not begin with {PREFIX}/<city>/<device>/")
    _, _, city, device, levels = parts
    if not (_SLUG.fullmatch(city) and _SLUG.fullmatch(device)):
        raise TopicError(f"topic {text[:200]!r}: city and device are lower-case letters, digits and dashes, at most 63")
    if levels not in _KIND_OF_LEVELS:
        raise TopicError(f"topic {text[:200]!r} ends in an unknown kind")
    return Topic(city=city, device=device, kind=_KIND_OF_LEVELS[levels])


def device_topics(*, city: str, device: str, kinds: frozenset[Kind]) -> list[str]:
    """Topics of one device for the given kinds, sorted."""
    return sorted(str(Topic(city=city, device=device, kind=kind)) for kind in kinds)
