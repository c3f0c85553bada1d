"""Modbus RTU as bytes: requests to read registers, and the answers. Pure.

Source: MODBUS Application Protocol V1.1b3 (sections 6.3, 6.4 and 7), MODBUS over Serial Line V1.02 (section 2.5.1).
"""

import struct
from typing import Final, Literal

from edge_agent.errors import SourceError

RegisterTable = Literal["holding", "input"]
RegisterType = Literal["uint16", "int16", "uint32", "int32", "float32"]
WordOrder = Literal["big", "little"]

FUNCTION_OF_TABLE: Final[dict[RegisterTable, int]] = {"holding": 3, "input": 4}
_FORMAT_OF_TYPE: Final[dict[RegisterType, str]] = {
    "uint16": ">H",
    "int16": ">h",
    "uint32": ">I",
    "int32": ">i",
    "float32": ">f",
}
_EXCEPTION: Final = 0x80
_EXCEPTIONS: Final = {1: "function not known", 2: "no such register", 3: "bad value", 4: "device failed", 6: "busy"}
_POLYNOMIAL: Final = 0xA001  # reflected


class ModbusRefusedError(SourceError):
    """The device answered that it will not."""


def crc_of(content: bytes) -> bytes:
    """The two bytes at a frame's end, the low one first."""
    crc = 0xFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return struct.pack("<H", crc)


def read_request(*, unit: int, table: RegisterTable, address: int, words: int) -> bytes:
    """Ask a device for registers."""
    content = struct.pack(">BBHH", unit, FUNCTION_OF_TABLE[table], address, words)
    return content + crc_of(content)


def find_answer(received: bytes, *, unit: int, table: RegisterTable, words: int) -> bytes | None:
    """Registers out of what came so far, which may begin with noise or an echo; none while no answer is there.

    Raises:
        ModbusRefusedError: the device refused.
    """
    function = FUNCTION_OF_TABLE[table]
    for start in range(len(received)):
        frame = received[start:]
        if _is_whole(frame[: 5 + 2 * words], bytes((unit, function, 2 * words)), length=5 + 2 * words):
            return frame[3 : 3 + 2 * words]
        if _is_whole(frame[:5], bytes((unit, function | _EXCEPTION)), length=5):
            raise ModbusRefusedError(f"unit {unit}: {_EXCEPTIONS.get(frame[2], f'exception {frame[2]}')}")
    return None


def words_of(kind: RegisterType) -> int:
    """How many registers a value takes."""
    return struct.calcsize(_FORMAT_OF_TYPE[kind]) // 2


def decode(content: bytes, kind: RegisterType, order: WordOrder) -> float:
    """A value out of its registers; each register has its high byte first, the registers come in either order."""
    if order == "little":
        content = b"".join(content[at : at + 2] for at in range(len(content) - 2, -1, -2))
    (value,) = struct.unpack(_FORMAT_OF_TYPE[kind], content)
    return float(value)


def _is_whole(frame: bytes, head: bytes, *, length: int) -> bool:
    return len(frame) == length and frame.startswith(head) and crc_of(frame[:-2]) == frame[-2:]
