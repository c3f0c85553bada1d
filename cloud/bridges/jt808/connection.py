"""One connection of a terminal: it says who it is, then what it sees; or it brings the attachments of an alarm."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import psycopg
from psycopg_pool import PoolTimeout

from cloud.bridges.jt808 import attachments
from cloud.bridges.jt808.alarms import Alarm
from cloud.bridges.jt808.attachments import Transfer
from cloud.bridges.jt808.body import (
    ALWAYS_TOGETHER,
    Application,
    Location,
    MessageId,
    Registration,
    Result,
    answer_body,
    read_code,
    read_location,
    read_locations,
    read_registration,
    registered_body,
)
from cloud.bridges.jt808.frame import Assembler, Chunk, Frame, decode_frame, encode_frame
from cloud.bridges.jt808.keeping import Album
from cloud.bridges.jt808.registry import Terminal, known_as
from cloud.bridges.jt808.translate import Raw, Said, Translator
from cloud.errors import FrameError, UnavailableError

MARK_GOOD_FOR: Final = timedelta(minutes=30)
MOST_MARKS: Final = 16  # of one terminal
MOST_BRINGING: Final = 32  # connections that bring files at the same time: each may hold some megabytes
MOST_OWN_BRINGING: Final = 4  # of these, of one terminal
WRONG_FRAMES: Final = 20  # then the connection is of no use

_log = logging.getLogger(__name__)


class Doors(Protocol):
    """Who may come."""

    async def register(self, phone: str, wish: Application, *, at: datetime) -> tuple[Registration, str]: ...

    async def authenticate(self, phone: str, code: str) -> Terminal | None: ...


class Broker(Protocol):
    """Where messages go."""

    async def publish(self, terminal: Terminal, said: Said, /) -> None: ...


class Raws(Protocol):
    """Where bytes go that nobody understands."""

    def keep(self, terminal: Terminal, raw: Raw, *, at: datetime) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """That attachments of an alarm were asked for."""

    terminal: Terminal
    alarm: Alarm
    until: datetime


@dataclass(slots=True, kw_only=True)
class Place:
    """What all connections share."""

    doors: Doors
    broker: Broker
    raws: Raws
    album: Album | None = None
    attachments_at: tuple[str, int] | None = None  # host and port
    marks: dict[str, dict[str, Mark]] = field(default_factory=dict[str, dict[str, Mark]])  # by phone, the oldest first
    here: dict[str, "Session"] = field(default_factory=dict[str, "Session"])  # by phone
    bringing: list["Session"] = field(default_factory=list["Session"])  # files of an alarm
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Session:
    """What one connection has come to. `answer` writes bytes, `leave` ends the connection."""

    def __init__(self, place: Place, *, answer: Callable[[bytes], None], leave: Callable[[], None]) -> None:
        self._place, self._answer, self._leave = place, answer, leave
        self._assembler = Assembler()
        self._translator: Translator | None = None
        self._serial = 0
        self._wrong = 0
        self._transfer: tuple[Transfer, Mark] | None = None
        self._turn = asyncio.Lock()
        self.terminal: Terminal | None = None

    @property
    def is_known(self) -> bool:
        """Whether it has said who it is."""
        return self.terminal is not None or self._transfer is not None

    def brings(self, phone: str) -> bool:
        """Whether it brings files of this terminal."""
        return self._transfer is not None and self._transfer[1].terminal.phone == phone

    async def take(self, came: bytes | Chunk) -> None:
        """Take a frame or a piece of an attachment.

        Raises:
            FrameError: nothing good is to be expected any more.
            UnavailableError: what it said cannot be kept now; it must come again.
        """
        if isinstance(came, Chunk):
            self._take_chunk(came)
            return
        try:
            frame = decode_frame(came)
            whole = self._whole(frame)
            if whole is not None:
                async with self._turn:
                    await self._take_message(whole)
            else:
                self._acknowledge(frame, Result.DONE)
        except FrameError as error:
            self._wrong += 1
            if not self.is_known or self._wrong > WRONG_FRAMES:
                raise
            _log.info("frame_refused device=%s error=%s", self.terminal and self.terminal.device, error)
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise UnavailableError("the database is away") from error

    def _whole(self, frame: Frame) -> Frame | None:
        """The message that a frame completes; for a stranger no parts are kept."""
        if frame.part is not None and not self.is_known:
            raise FrameError("it has not said who it is, and sends a part of something long")
        return self._assembler.add(frame, at=self._place.now())

    def end(self) -> None:
        """Forget this connection."""
        if self.terminal is not None and self._place.here.get(self.terminal.phone) is self:
            del self._place.here[self.terminal.phone]
        if self in self._place.bringing:
            self._place.bringing.remove(self)
        if self._transfer is not None and not self._transfer[0].is_done:
            self._await_attachments(self._transfer[0].mark, self._transfer[1])  # the line broke: it may come again

    async def _take_message(self, message: Frame) -> None:
        match message.message_id:
            case MessageId.REGISTER:
                await self._register(message)
            case MessageId.AUTHENTICATE:
                await self._authenticate(message)
            case MessageId.ATTACHMENTS:
                self._begin_transfer(message)
            case _ if not self.is_known:
                self._acknowledge(message, Result.FAILED)
                raise FrameError("it has not said who it is")
            case _:
                await self._take_report(message)

    async def _register(self, message: Frame) -> None:
        wish = read_registration(message.body, is_2019=message.is_2019)
        result, code = await self._place.doors.register(message.phone, wish, at=self._place.now())
        _log.info("terminal_registers phone=%s result=%s", message.phone, result.name)
        body = registered_body(serial=message.serial, result=result, code=code)
        self._say(MessageId.REGISTERED, body, like=message)

    async def _authenticate(self, message: Frame) -> None:
        code = read_code(message.body, is_2019=message.is_2019)
        found = await self._place.doors.authenticate(message.phone, code)
        self._acknowledge(message, Result.FAILED if found is None else Result.DONE)
        if found is None:
            raise FrameError("this is not its code")
        before = self._place.here.get(found.phone)
        self._place.here[found.phone] = self
        if before is not None and before is not self:
            before.leave_to(self)
        self.terminal = found
        self._translator = self._translator or Translator(found.phone)

    def leave_to(self, after: "Session") -> None:
        """Go: the same terminal has come again. What has begun goes on there."""
        after._translator = self._translator  # noqa: SLF001 - it is the same terminal
        self._leave()

    async def _take_report(self, message: Frame) -> None:
        if self.terminal is not None and known_as(message.phone) != self.terminal.phone:
            raise FrameError(f"{message.phone} is not who came on this connection")
        result = Result.DONE
        match message.message_id:
            case _ if message.is_encrypted:
                self._keep_raw("encrypted message", message.body)
                result = Result.UNKNOWN
            case MessageId.LOCATION:
                await self._take_location(message.body, like=message)
            case MessageId.LOCATIONS:
                await self._take_locations(message)
            case MessageId.HEARTBEAT | MessageId.LOG_OUT:
                pass
            case MessageId.TERMINAL_ANSWER:
                return  # answers are not answered
            case MessageId.FILE_BEGINS | MessageId.FILE_ENDS:
                await self._take_file(message)
                return
            case _:
                self._keep_raw(f"message {message.message_id:#06x}", message.body)
                result = Result.UNKNOWN
        self._acknowledge(message, result)

    async def _take_locations(self, message: Frame) -> None:
        is_late = message.body[2:3] != ALWAYS_TOGETHER
        for body in read_locations(message.body):
            await self._take_location(body, like=message, is_late=is_late)

    async def _take_location(self, body: bytes, *, like: Frame, is_late: bool = False) -> None:
        terminal, translator = self.terminal, self._translator
        if terminal is None or translator is None:
            raise FrameError("it has not said who it is")
        try:
            location: Location = read_location(body)
        except FrameError as error:
            self._keep_raw(str(error), body)
            return
        meaning = translator.read(location, body, is_late=is_late)
        for said in meaning.said:
            await self._place.broker.publish(terminal, said)
        for raw in meaning.raw:
            self._place.raws.keep(terminal, raw, at=self._place.now())
        for alarm in meaning.alarms:
            self._ask_for_attachments(terminal, alarm, like=like)

    def _ask_for_attachments(self, terminal: Terminal, alarm: Alarm, *, like: Frame) -> None:
        place = self._place
        if place.attachments_at is None or place.album is None:
            return
        host, port = place.attachments_at
        mark = secrets.token_hex(attachments.MARK_BYTES // 2)
        until = place.now() + MARK_GOOD_FOR
        self._await_attachments(mark, Mark(terminal=terminal, alarm=alarm, until=until))
        body = attachments.ask_body(host=host, port=port, identity=alarm.identity, mark=mark)
        self._say(MessageId.SEND_ATTACHMENTS, body, like=like)

    def _await_attachments(self, name: str, mark: Mark) -> None:
        own = self._place.marks.setdefault(mark.terminal.phone, {})
        while len(own) >= MOST_MARKS:
            del own[next(iter(own))]
        own[name] = mark

    def _begin_transfer(self, message: Frame) -> None:
        transfer = attachments.read_list(message.body)
        phone, place = known_as(message.phone), self._place
        own = place.marks.get(phone, {})
        mark = own.get(transfer.mark)
        if mark is None or mark.until < place.now():
            self._acknowledge(message, Result.FAILED)
            raise FrameError("nobody has asked for these attachments")
        others = [session for session in place.bringing if session is not self]
        if len(others) >= MOST_BRINGING or sum(other.brings(phone) for other in others) >= MOST_OWN_BRINGING:
            self._acknowledge(message, Result.FAILED)
            raise FrameError("too many bring attachments now: it may come later")
        del own[transfer.mark]
        place.bringing = [*others, self]
        self._transfer = transfer, mark
        self._acknowledge(message, Result.DONE)

    def _take_chunk(self, chunk: Chunk) -> None:
        if self._transfer is None:
            raise FrameError("a piece of an attachment that nobody has announced")
        self._transfer[0].add(chunk)

    async def _take_file(self, message: Frame) -> None:
        if self._transfer is None:
            raise FrameError("a file of no list")
        transfer, mark = self._transfer
        file = transfer.begin(message.body)
        if message.message_id == MessageId.FILE_BEGINS:
            self._acknowledge(message, Result.DONE)
            return
        if self._place.album is not None and (content := file.whole_picture()) is not None:
            await self._place.album.keep(mark.terminal, mark.alarm, name=file.name, content=content)
            file.let_go()
        self._say(MessageId.FILE_ANSWER, attachments.file_answer_body(file), like=message)

    def _keep_raw(self, why: str, content: bytes) -> None:
        if self.terminal is not None:
            self._place.raws.keep(self.terminal, Raw(why=why[:200], content=content), at=self._place.now())

    def _acknowledge(self, message: Frame, result: Result) -> None:
        body = answer_body(serial=message.serial, message_id=message.message_id, result=result)
        self._say(MessageId.ANSWER, body, like=message)

    def _say(self, message_id: int, body: bytes, *, like: Frame) -> None:
        self._serial = (self._serial + 1) & 0xFFFF
        frame = Frame(message_id=message_id, phone=like.phone, serial=self._serial, body=body, is_2019=like.is_2019)
        self._answer(encode_frame(frame))
