"""When a damage becomes a case, and when a case falls."""

from dataclasses import dataclass

from cloud.cases.lifecycle import is_allowed
from cloud.cases.model import Action, CaseState, Reason, Role
from cloud.findings.catalogue import Filing
from cloud.findings.model import FindingState


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What the fusion says of a finding."""

    state: FindingState
    existence: float
    passes_seen: int
    passes_missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStanding:
    """Where the finding's newest case stands."""

    state: CaseState
    unattached: int  # passes that saw the finding and are not attached yet
    is_false_alarm: bool = False  # a person said so


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What should be done, and why."""

    action: Action
    reason: Reason


def assess(belief: Belief, case: CaseStanding | None, *, filing: Filing) -> list[Proposal]:
    """Propose what to do with a finding's case, in the order in which it is to be done."""
    if case is None:
        return _begin(Action.OPEN, belief, filing) if _is_sure(belief, filing) else []
    if case.state is CaseState.REJECTED and not case.is_false_alarm:
        return _begin(Action.REOPEN, belief, filing) if _is_sure(belief, filing) else []
    if case.state is CaseState.CLOSED and case.unattached:
        return _begin(Action.OPEN, belief, filing) if _is_sure(belief, filing) else []
    if belief.state is FindingState.GONE and is_allowed(case.state, Action.WITHDRAW, Role.SYSTEM):
        return [Proposal(action=Action.WITHDRAW, reason=_gone(belief))]
    if case.unattached and is_allowed(case.state, Action.ADD_SIGHTING, Role.SYSTEM):
        return [Proposal(action=Action.ADD_SIGHTING, reason=_seen_again(case.unattached, belief))]
    return []


def _begin(action: Action, belief: Belief, filing: Filing) -> list[Proposal]:
    begin = Proposal(action=action, reason=_sure(belief))
    return [begin, Proposal(action=Action.FILE, reason=_BY_ITSELF)] if filing.by_itself else [begin]


def _is_sure(belief: Belief, filing: Filing) -> bool:
    return (
        belief.state is FindingState.OPEN
        and belief.existence >= filing.existence
        and belief.passes_seen >= filing.min_passes
    )


_BY_ITSELF = Reason(zh="目录规定此类自动立案", en="the catalogue files this class by itself")


def _passes(count: int) -> str:
    return "1 pass" if count == 1 else f"{count} passes"


def _sure(belief: Belief) -> Reason:
    return Reason(
        zh=f"{belief.passes_seen} 次经过发现，存在概率 {belief.existence:.0%}",
        en=f"noticed by {_passes(belief.passes_seen)}, existence {belief.existence:.0%}",
    )


def _seen_again(count: int, belief: Belief) -> Reason:
    return Reason(
        zh=f"又有 {count} 次经过发现，存在概率 {belief.existence:.0%}",
        en=f"noticed again by {_passes(count)}, existence {belief.existence:.0%}",
    )


def _gone(belief: Belief) -> Reason:
    return Reason(
        zh=f"{belief.passes_missed} 次经过没有发现，存在概率降至 {belief.existence:.0%}",
        en=f"not noticed by {_passes(belief.passes_missed)} that looked, existence fell to {belief.existence:.0%}",
    )
