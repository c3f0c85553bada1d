"""What a bus without a network of its own reaches: at a halt the stop's broker, and the cloud by the stop's router."""

from types import TracebackType
from typing import Final, Self

from simulator.faults.link import SOUND, Behaviour, FaultyLink

AWAY: Final = Behaviour(is_cut=True)


class StopRadio:
    """One bus's; nothing passes while it drives."""

    def __init__(self, *, stop_broker_url: str, cloud_url: str) -> None:
        """Prepare; it reaches something from `halt` on."""
        self._broker, self._cloud = FaultyLink(stop_broker_url), FaultyLink(cloud_url)
        self._is_halting: bool | None = None

    def __enter__(self) -> Self:
        self._broker.__enter__()
        self._cloud.__enter__()
        self.follow(is_halting=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._broker.__exit__(kind, error, traceback)
        self._cloud.__exit__(kind, error, traceback)

    @property
    def broker_url(self) -> str:
        """The stop's broker, as the bus is told."""
        return self._broker.url

    @property
    def cloud_url(self) -> str:
        """The cloud, as the bus is told."""
        return self._cloud.url

    def follow(self, *, is_halting: bool) -> None:
        """Be in reach of the stop, or not."""
        if is_halting is self._is_halting:
            return
        self._is_halting = is_halting
        for link in (self._broker, self._cloud):
            link.behave(SOUND if is_halting else AWAY)
