"""What a tag says of itself in an advertisement.

Sources: Eddystone protocol specification (frame 0x30, EID); Apple's proximity beacon (0x02, 0x15).
"""

from typing import Final

from edge_agent.readings import AdvertisementReading
from wire.tags import beacon_id

EDDYSTONE: Final = 0xFEAA
APPLE: Final = 0x004C
_EID_FRAME: Final = 0x30
_EID_BYTES: Final = 10  # frame type, power, id; some tags add bytes of no meaning
_BEACON_FRAME: Final = b"\x02\x15"
_BEACON_BYTES: Final = 23


def id_of(heard: AdvertisementReading) -> str | None:
    """The id that a tag sent, 16 hexadecimal digits; none when it is no tag."""
    service = heard.service_data.get(EDDYSTONE, b"")
    if len(service) >= _EID_BYTES and service[0] == _EID_FRAME:
        return service[2:_EID_BYTES].hex()
    beacon = heard.manufacturer_data.get(APPLE, b"")
    if len(beacon) == _BEACON_BYTES and beacon.startswith(_BEACON_FRAME):
        major, minor = int.from_bytes(beacon[18:20], "big"), int.from_bytes(beacon[20:22], "big")
        return beacon_id(uuid=beacon[2:18], major=major, minor=minor)
    return None
