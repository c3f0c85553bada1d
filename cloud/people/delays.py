"""How long somebody has to wait after wrong passwords, so that guessing is slow and nobody is locked out.

A wrong password counts against the pair of account and address, against the address (one who tries many accounts)
and, gently, against the account (many who try one account). A browser that has signed in to the account before has
a count of its own: strangers cannot make its owner wait.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FORGOTTEN_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many wrong passwords are free, and how long the longest wait is; each further one doubles the wait."""

    free: int
    longest: timedelta


BY_KIND: Final = {
    "pair": Patience(free=3, longest=timedelta(minutes=15)),
    "address": Patience(free=30, longest=timedelta(minutes=15)),
    "account": Patience(free=30, longest=timedelta(seconds=30)),
    "browser": Patience(free=5, longest=timedelta(minutes=15)),
}


def counts_for(*, name: str, address: str, browser: str | None) -> list[str]:
    """Keys of the counts that an attempt goes by, in the order in which they are locked."""
    if browser is not None:
        return [f"browser:{browser}"]
    network = network_of(address)
    return sorted([f"pair:{name}|{network}", f"address:{network}", f"account:{name}"])


def network_of(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 address, of which one subscriber has them all."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def wait_of(key: str, *, failures: int, last_at: datetime, at: datetime) -> timedelta:
    """How long this count still makes one wait."""
    if is_forgotten(last_at, at=at):
        return timedelta(0)
    patience = BY_KIND[key.partition(":")[0]]
    beyond = failures - patience.free
    if beyond < 0:
        return timedelta(0)
    pause = min(timedelta(seconds=2 ** min(beyond, 20)), patience.longest)
    return max(timedelta(0), last_at + pause - at)


def is_forgotten(last_at: datetime, *, at: datetime) -> bool:
    """Whether the last wrong password is long ago."""
    return at - last_at >= FORGOTTEN_AFTER
