"""Who is told of what, and when: a data file, checked when it is read. Nothing else is ever called."""

from collections.abc import Sequence
from datetime import time
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from cloud.cases.model import Action
from cloud.data_file import Entry, read_data_file
from cloud.errors import ConfigError
from wire.units import ClassCode

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Address = Annotated[str, Field(pattern=r"^[^\s@<>,;:\"]{1,64}@[^\s@<>,;:\"]{1,190}$")]


def _of_the_county(at: time) -> time:
    if at.tzinfo is not None:
        raise ValueError("a time by the county's clocks is expected, such as 22:00")
    return at


LocalTime = Annotated[time, AfterValidator(_of_the_county)]
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_MAX_SECRET_BYTES: Final = 4096
CHAT_SCHEMES: Final = ("wecombot", "dingtalk", "feishu", "lark", "json", "jsons")
# What is told to those who do not say what they want: not every sighting.
USUAL: Final = frozenset(
    {
        Action.FILE,
        Action.DISPATCH,
        Action.REASSIGN,
        Action.RETURN,
        Action.ASK_SUSPENSION,
        Action.DONE,
        Action.VERIFY,
        Action.REOPEN,
        Action.CALL_PERSON,
        Action.WARN,
        Action.OVERDUE,
        Action.ESCALATE,
        Action.CLOSE,
        Action.REJECT,
    }
)


class Target(Entry):
    """Somebody, and what he wants to hear of; empty lists mean the usual actions and all classes and units."""

    key: Key
    actions: list[Action] = []
    classes: list[ClassCode] = []
    units: list[Key] = []

    def wants(self, *, action: Action, class_code: str, unit: str | None, to: object = None) -> bool:
        """Whether it is told; an escalation `to` it is, whatever else it wants."""
        return to == self.key or (
            action in (self.actions or USUAL)
            and (not self.classes or class_code in self.classes)
            and (not self.units or unit in self.units)
        )


class Webhook(Target):
    """Another program, told by Standard Webhooks."""

    url: Annotated[str, Field(max_length=500)]
    secret_file: Path
    """`whsec_` and base64, as the receiver has it."""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        parts = urlsplit(self.url)
        is_near = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not (parts.scheme == "https" or is_near) or not parts.hostname or parts.username or parts.fragment:
            raise ValueError("an https URL without user and fragment is expected (http only to this machine)")
        return self


class Person(Target):
    """Somebody who reads mail or chat; in quiet hours, and between digests, it is kept for later."""

    channel: Literal["email", "chat"]
    address: Address | None = None
    chat_url_file: Path | None = None
    """An apprise URL: wecombot, dingtalk, feishu, lark, json."""
    quiet: tuple[LocalTime, LocalTime] | None = None
    digest_min: Annotated[int, Field(ge=0, le=1440)] = 0

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        wanted = self.address if self.channel == "email" else self.chat_url_file
        if wanted is None:
            raise ValueError("address is expected for email, chat_url_file for chat")
        return self


class Mail(Entry):
    """The mail server."""

    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    sender: Address
    user: str | None = None
    password_file: Path | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("without TLS mail only goes to this machine")
        return self


class Targets(Entry):
    """All of them."""

    webhooks: Annotated[list[Webhook], Field(max_length=100)] = []
    people: Annotated[list[Person], Field(max_length=10_000)] = []
    mail: Mail | None = None
    page: Annotated[str, Field(max_length=200)] | None = None
    """Address of the dashboard, for links in mail and chat."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        keys = [target.key for target in (*self.webhooks, *self.people)]
        if doubles := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"{', '.join(doubles)}: a key may stand once")
        if self.mail is None and any(person.channel == "email" for person in self.people):
            raise ValueError("people with email need a [mail] table")
        return self

    @property
    def everybody(self) -> Sequence[Webhook | Person]:
        """All targets."""
        return [*self.webhooks, *self.people]


def load_targets(path: Path | None) -> Targets:
    """Read the file; without a path nobody is told.

    Raises:
        ConfigError: names file, line and key.
    """
    return read_data_file(Targets, path) if path else Targets()


def read_secret(path: Path) -> str:
    """Read a secret.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with path.open() as file:
            return file.read(_MAX_SECRET_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
