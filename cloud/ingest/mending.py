"""A rule that mends messages of the quarantine: what to set, to rename and to remove in their JSON; pure."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, cast

from pydantic import AfterValidator, Field, JsonValue

from cloud.data_file import Entry, read_data_file

_POINTER: Final = re.compile(r"(/[A-Za-z0-9_]{1,64}){1,8}")


def _pointer(text: str) -> str:
    if _POINTER.fullmatch(text) is None:
        raise ValueError("a path such as /data/heading_deg is expected")
    return text


Pointer = Annotated[str, AfterValidator(_pointer)]


class MendingRule(Entry):
    """What is changed in which messages; a path that is not there is left alone by `rename` and `remove`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    reason: str
    """Only messages that lie in the quarantine for this reason."""
    topic: str = "*"
    """Only messages on such topics; `*` stands for any characters."""
    rename: dict[Pointer, Pointer] = {}
    remove: tuple[Pointer, ...] = ()
    set: dict[Pointer, JsonValue] = {}

    def fits(self, reason: str, topic: str) -> bool:
        """Tell whether it is for a message."""
        return reason == self.reason and fnmatchcase(topic, self.topic)


def load_mending_rule(file: Path) -> MendingRule:
    """Read a rule.

    Raises:
        ConfigError: naming file, line and key.
    """
    return read_data_file(MendingRule, file)


def mend(payload: bytes, rule: MendingRule) -> bytes:
    """Apply a rule: first rename, then remove, then set. What is no JSON object stays as it is."""
    try:
        read = json.loads(payload)
    except (ValueError, RecursionError):
        return payload
    if not isinstance(read, dict):
        return payload
    document = cast("dict[str, Any]", read)
    for old, new in rule.rename.items():
        holder, key = _find(document, old)
        if holder is not None and key in holder:
            _put(document, new, holder.pop(key))
    for pointer in rule.remove:
        holder, key = _find(document, pointer)
        if holder is not None:
            holder.pop(key, None)
    for pointer, value in rule.set.items():
        _put(document, pointer, value)
    # Half a letter, which JSON can name and UTF-8 cannot, stays as it is named.
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def _find(document: object, pointer: str) -> tuple[dict[str, Any] | None, str]:
    """The object in which a path ends, and its last name there."""
    *way, key = pointer.split("/")[1:]
    for name in way:
        document = cast("dict[str, Any]", document).get(name) if isinstance(document, dict) else None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None, key


def _put(document: dict[str, Any], pointer: str, value: object) -> None:
    *way, key = pointer.split("/")[1:]
    for name in way:
        inner = document.get(name)
        document[name] = inner if isinstance(inner, dict) else {}
        document = document[name]
    document[key] = value
