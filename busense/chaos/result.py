"""What a run came to, as a table for people and as JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.table import Table

from busense.chaos.audit import Audit
from busense.chaos.watch import Recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The numbers of a run."""

    seed: int
    seconds: float
    recoveries: Sequence[Recovery]
    audit: Audit
    peak_memory_mb: dict[str, float]
    ended_by_themselves: Sequence[str]

    @property
    def is_good(self) -> bool:
        return self.audit.is_good and not self.ended_by_themselves

    @property
    def longest_recovery_s(self) -> float:
        return max((recovery.seconds or 0.0 for recovery in self.recoveries), default=0.0)

    def as_json(self) -> dict[str, object]:
        return {
            "faults": len(self.recoveries),
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "lost": self.audit.lost,
            "doubled": self.audit.doubled,
            **asdict(self.audit),
            "longest_recovery_s": round(self.longest_recovery_s, 1),
            "not_seen_over": sum(recovery.seconds is None for recovery in self.recoveries),
            "faults_by_kind": {name: len(times) for name, times in self._by_kind().items()},
            "peak_memory_mb": {name: round(held) for name, held in self.peak_memory_mb.items()},
            "ended_by_themselves": list(self.ended_by_themselves),
        }

    def as_tables(self) -> list[Table]:
        faults = Table("fault", "times", "not seen over", "median recovery, s", "longest, s", title="Faults")
        for name, times in self._by_kind().items():
            known = sorted(seconds for seconds in times if seconds is not None)
            median, longest = (f"{known[len(known) // 2]:.1f}", f"{known[-1]:.1f}") if known else ("-", "-")
            faults.add_row(name, str(len(times)), str(len(times) - len(known)), median, longest)
        numbers = Table("what", "number", title="From outbox row to table row to finding to receiver")
        shown = asdict(self.audit) | {"faults": len(self.recoveries), "chain_faults": len(self.audit.chain_faults)}
        for name, number in shown.items():
            numbers.add_row(name.replace("_", " "), str(number))
        numbers.add_row("longest recovery, s", f"{self.longest_recovery_s:.1f}")
        numbers.add_row("processes that ended by themselves", str(len(self.ended_by_themselves)))
        memory = Table("process", "peak memory, MB", title="Memory")
        for name, held in sorted(self.peak_memory_mb.items()):
            memory.add_row(name, f"{held:.0f}")
        return [faults, numbers, memory]

    def _by_kind(self) -> dict[str, list[float | None]]:
        """How long each took; none: the town was not seen to be over it within the time that is waited for."""
        times: dict[str, list[float | None]] = {}
        for recovery in self.recoveries:
            times.setdefault(recovery.fault.kind.name, []).append(recovery.seconds)
        return dict(sorted(times.items()))
