"""What the cloud says to buses of its own accord: how they are wanted to be, and what is asked of them."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Protocol

from cloud.fleet.devices import Device
from cloud.fleet.wishes import Letters, Request, Wish
from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id
from wire.messages import Command, Kind, TwinDesired
from wire.topics import Topic

LOOK_EVERY: Final = timedelta(seconds=1)


class Letterbox(Protocol):
    """Where letters wait."""

    async def take_letters(self, contacts: Iterable[Device], *, at: datetime) -> Letters | None:
        """Take what is to be told now; none while the database is away."""
        ...


class Postman:
    """Looks for letters once a second; a wish that is lost on the way is told again when its bus speaks next."""

    def __init__(
        self,
        publish: Callable[[str, bytes], Awaitable[None]],
        letters: Letterbox,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._publish = publish
        self._letters = letters
        self._now = now
        self._contacts: set[Device] = set()
        self._looked_at: datetime | None = None

    def note(self, contacts: Iterable[Device]) -> None:
        """Keep which buses have spoken of themselves; call it only after the commit."""
        self._contacts.update(contacts)

    async def deliver_due(self) -> None:
        """Tell what is to be told, if it is time to look."""
        at = self._now()
        if self._looked_at is not None and at - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = at
        contacts, self._contacts = self._contacts, set()
        letters = await self._letters.take_letters(contacts, at=at)
        if letters is None:
            self._contacts |= contacts
            return
        wishes, requests = letters
        for wish in wishes:
            await self._publish(*encode_wish(wish, at=at))
        for request in requests:
            await self._publish(*encode_request(request, at=at))


def encode_wish(wish: Wish, *, at: datetime) -> tuple[str, bytes]:
    """Topic and payload."""
    topic = Topic(city=wish.city, device=wish.device, kind=Kind.TWIN_DESIRED)
    return _encode(topic, make_id(at), TwinDesired(version=wish.version, settings=wish.settings), at)


def encode_request(request: Request, *, at: datetime) -> tuple[str, bytes]:
    """Topic and payload."""
    topic = Topic(city=request.city, device=request.device, kind=Kind.COMMAND)
    return _encode(topic, str(request.id), Command(kind=request.kind, expires_at=request.expires_at), at)


def _encode(topic: Topic, number: str, data: TwinDesired | Command, at: datetime) -> tuple[str, bytes]:
    return str(topic), encode_envelope(Envelope(id=number, source=topic.source, time=at, data=data))
