"""A terminal that speaks JT/T 808, for tests and measurements."""

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from cloud.bridges.jt808.attachments import PICTURE
from cloud.bridges.jt808.body import MessageId, Registration, Result, write_time
from cloud.bridges.jt808.frame import Chunk, Frame, Splitter, decode_frame, encode_chunk, encode_frame, split

POSITIONED: Final = 0b11  # engine on, and a position
IDENTITY_TERMINAL: Final = b"SIM0001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a terminal is and how it moves."""

    at: datetime
    lon: float
    lat: float
    speed_kmh: float = 30.0
    heading_deg: int = 90
    status: int = POSITIONED
    alarms: int = 0
    items: tuple[tuple[int, bytes], ...] = ()


def location_body(spot: Spot) -> bytes:
    """0x0200."""
    status = spot.status | (1 << 2 if spot.lat < 0 else 0) | (1 << 3 if spot.lon < 0 else 0)
    head = struct.pack(
        ">IIIIHHH6s",
        spot.alarms,
        status,
        round(abs(spot.lat) * 1e6),
        round(abs(spot.lon) * 1e6),
        12,
        round(spot.speed_kmh * 10),
        spot.heading_deg,
        write_time(spot.at),
    )
    return head + b"".join(bytes([number, len(value)]) + value for number, value in spot.items)


def batch_body(spots: Sequence[Spot], *, is_late: bool = True) -> bytes:
    """0x0704, of a blind area; or what a terminal always tells together."""
    bodies = [location_body(spot) for spot in spots]
    head = struct.pack(">HB", len(bodies), 1 if is_late else 0)
    return head + b"".join(struct.pack(">H", len(body)) + body for body in bodies)


def registration_body(*, terminal_id: str, plate: str, is_2019: bool) -> bytes:
    """0x0100."""
    maker, model, size = (11, 30, 30) if is_2019 else (5, 20, 7)
    return (
        struct.pack(">HH", 33, 327)
        + b"MAKER".ljust(maker, b"\x00")
        + b"MODEL".ljust(model, b"\x00")
        + terminal_id.encode().ljust(size, b"\x00")
        + b"\x02"
        + plate.encode("gbk")
    )


def identity_of(at: datetime, *, files: int) -> bytes:
    """The mark of an alarm."""
    return IDENTITY_TERMINAL + write_time(at) + bytes([0, files, 0])


def ahead_item(spot: Spot, *, number: int, flag: int, kind: int, level: int = 2, files: int = 0) -> tuple[int, bytes]:
    """0x64, an alarm of what is ahead."""
    value = struct.pack(
        ">IBBBBBBBBBHII6sH16s",
        *(number, flag, kind, level, 40, 5, 0, 0, 0, round(spot.speed_kmh), 12),
        *(round(spot.lat * 1e6), round(spot.lon * 1e6), write_time(spot.at), 0, identity_of(spot.at, files=files)),
    )
    return 0x64, value


def driver_item(spot: Spot, *, number: int, flag: int, kind: int, level: int = 1, files: int = 0) -> tuple[int, bytes]:
    """0x65, an alarm of the driver."""
    value = struct.pack(
        ">IBBBB4sBHII6sH16s",
        *(number, flag, kind, level, 7, bytes(4), round(spot.speed_kmh), 12),
        *(round(spot.lat * 1e6), round(spot.lon * 1e6), write_time(spot.at), 0, identity_of(spot.at, files=files)),
    )
    return 0x65, value


@dataclass(slots=True)
class Terminal:
    """One terminal on one connection."""

    phone: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_2019: bool = False
    serial: int = 0
    _splitter: Splitter = field(default_factory=Splitter)
    _came: list[Frame] = field(default_factory=list[Frame])

    @classmethod
    async def connect(
        cls, port: int, phone: str, *, is_2019: bool = False, host: str = "127.0.0.1", source: str | None = None
    ) -> "Terminal":
        own = None if source is None else (source, 0)
        reader, writer = await asyncio.open_connection(host, port, local_addr=own)
        return cls(phone.zfill(20 if is_2019 else 12), reader, writer, is_2019)

    async def register(self, *, terminal_id: str = "SIM0001", plate: str = "浙C12345") -> tuple[Registration, str]:
        """Register; the code that was given."""
        body = registration_body(terminal_id=terminal_id, plate=plate, is_2019=self.is_2019)
        await self.send(MessageId.REGISTER, body)
        answer = await self.receive()
        return Registration(answer.body[2]), answer.body[3:].decode()

    async def authenticate(self, code: str) -> Result:
        """Show the code."""
        text = code.encode()
        body = bytes([len(text)]) + text + bytes(15 + 20) if self.is_2019 else text
        return await self.ask(MessageId.AUTHENTICATE, body)

    async def report(self, spot: Spot) -> Result:
        """Tell a position and wait for the answer."""
        return await self.ask(MessageId.LOCATION, location_body(spot))

    async def ask(self, message_id: int, body: bytes) -> Result:
        """Say something and wait for the general answer to it."""
        await self.send(message_id, body)
        while (answer := await self.receive()).message_id != MessageId.ANSWER:
            pass
        return Result(answer.body[4])

    async def send(self, message_id: int, body: bytes, *, serial: int | None = None) -> None:
        """Say something, in as many parts as it needs."""
        frame = Frame(
            message_id=message_id,
            phone=self.phone,
            serial=self.serial if serial is None else serial,
            body=body,
            is_2019=self.is_2019,
        )
        parts = list(split(frame))
        self.serial = (self.serial + len(parts)) & 0xFFFF if serial is None else self.serial
        for part in parts:
            self.writer.write(encode_frame(part))
        await self.writer.drain()

    async def send_raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self) -> Frame:
        """The next frame that comes.

        Raises:
            ConnectionError: the server has gone.
        """
        while not self._came:
            data = await self.reader.read(4096)
            if not data:
                raise ConnectionError("the server has closed the connection")
            self._came += [decode_frame(came) for came in self._splitter.feed(data) if isinstance(came, bytes)]
        return self._came.pop(0)

    async def bring(self, *, identity: bytes, mark: str, name: str, content: bytes, holes: int = 0) -> list[bytes]:
        """Bring one attachment, at first without its first `holes` pieces; the answers to its end."""
        announced = bytes([len(name)]) + name.encode() + struct.pack(">I", len(content))
        listed = IDENTITY_TERMINAL + identity + mark.encode().ljust(32, b"\x00") + b"\x00\x01" + announced
        await self.ask(MessageId.ATTACHMENTS, listed)
        file = bytes([len(name)]) + name.encode() + bytes([PICTURE]) + struct.pack(">I", len(content))
        await self.ask(MessageId.FILE_BEGINS, file)
        pieces = [Chunk(name=name, offset=at, content=content[at : at + 1000]) for at in range(0, len(content), 1000)]
        answers: list[bytes] = []
        for some in (pieces[holes:], pieces[:holes]):
            for piece in some:
                await self.send_raw(encode_chunk(piece))
            if some:
                await self.send(MessageId.FILE_ENDS, file)
                answers.append((await self.receive()).body)
        return answers

    async def is_left(self) -> bool:
        """Wait until the server has closed the connection."""
        while await self.reader.read(4096):
            pass
        return True

    def close(self) -> None:
        self.writer.close()


def later(spot: Spot, *, by_s: float) -> Spot:
    """The same some seconds later, a little farther north."""
    return replace(spot, at=spot.at + timedelta(seconds=by_s), lat=spot.lat + by_s * 1e-5)
