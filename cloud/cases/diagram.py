"""The life cycle drawn from its rules: `python -m cloud.cases.diagram` writes docs/case-states.md."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cloud.cases.lifecycle import ENDED, RULES
from cloud.cases.model import Action, CaseState, Role

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "case-states.md"
_HEAD: Final = """<!-- Generated from cloud/cases/lifecycle.py by `make schemas`; do not edit. -->
# The life of a case

An arrow is an action and who may take it: D the desk (operator, administrator), C the crew, S the system by itself.
"""
_LETTER: Final = {Role.OPERATOR: "D", Role.CREW: "C", Role.SYSTEM: "S"}


def diagram_text() -> str:
    """Text of the document: a diagram of what changes the state, and a table of what does not."""
    return "\n".join([_HEAD, "```mermaid", "stateDiagram-v2", *_arrows(), "```", "", *_staying(), ""])


def _arrows() -> Iterable[str]:
    labels: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for rule in RULES:
        for state in rule.from_states:
            if rule.to_state is not None:
                labels[state or "[*]", rule.to_state].append(_label(rule.action, rule.roles))
    for (from_name, to_name), texts in labels.items():
        yield f"    {from_name} --> {to_name}: {', '.join(texts)}"
    yield from (f"    {state} --> [*]" for state in ENDED)


def _staying() -> Iterable[str]:
    yield "These leave the state as it is:"
    yield ""
    yield "| action | while the case is |"
    yield "|---|---|"
    for rule in RULES:
        if rule.to_state is None:
            states = [state for state in rule.from_states if state is not None]
            where = "in any state" if len(states) == len(CaseState) else ", ".join(states)
            yield f"| {_label(rule.action, rule.roles)} | {where} |"


def _label(action: Action, roles: Iterable[Role]) -> str:
    return f"{action} ({' '.join(_LETTER[role] for role in roles)})"


if __name__ == "__main__":
    DOCUMENT.write_text(diagram_text())
