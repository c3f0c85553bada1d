"""A short form of `python -m benchmarks.fuzz`, whose million is in benchmarks/README.md."""

from benchmarks.fuzz import fuzz
from benchmarks.spoiling import SPOILERS

MESSAGES = 2_000


def test_spoiled_messages_are_quarantined_or_stored_as_they_say(database: str) -> None:
    result = fuzz(database, messages=MESSAGES, seed=7, is_quiet=True)
    assert result.crashes == []
    assert result.wrong == []
    assert result.messages == MESSAGES == result.stored + result.quarantined.total()
    assert result.stored > 0
    assert set(result.spoiled) == {each.name for each in SPOILERS}
    expected = {"not_json", "bad_envelope", "bad_data", "wrong_topic", "too_deep", "too_large", "unknown_type"}
    assert expected <= set(result.quarantined)
