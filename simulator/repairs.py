"""What was repaired since the simulation began: no camera shows it any longer."""

import threading


class Repairs:
    """Defects that are gone; read by many cameras, written by crews."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: frozenset[str] = frozenset()

    def add(self, defect_id: str) -> None:
        """Repair a defect."""
        with self._lock:
            self._ids |= {defect_id}

    def __contains__(self, defect_id: str) -> bool:
        return defect_id in self._ids

    @property
    def ids(self) -> frozenset[str]:
        """All that was repaired."""
        return self._ids
