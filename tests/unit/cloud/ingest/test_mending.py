import json

import pytest

from cloud.ingest.mending import MendingRule, mend


def rule(**changes: object) -> MendingRule:
    return MendingRule.model_validate({"name": "r", "reason": "bad_data"} | changes)


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        pytest.param({"rename": {"/a": "/b"}}, {"a": 1}, {"b": 1}, id="rename"),
        pytest.param({"rename": {"/a": "/b/c"}}, {"a": 1}, {"b": {"c": 1}}, id="rename into depth"),
        pytest.param({"rename": {"/x/y": "/b"}}, {"a": 1}, {"a": 1}, id="rename what is not there"),
        pytest.param({"remove": ["/d/a"]}, {"d": {"a": 1, "b": 2}}, {"d": {"b": 2}}, id="remove"),
        pytest.param({"remove": ["/d/a/b"]}, {"d": {"a": 1}}, {"d": {"a": 1}}, id="remove below what is no object"),
        pytest.param({"set": {"/d/a": 7}}, {"d": {"a": 1}}, {"d": {"a": 7}}, id="set"),
        pytest.param({"set": {"/b": 1}}, {"a": "路\ud83d"}, {"a": "路\ud83d", "b": 1}, id="half a letter stays"),
        pytest.param({"set": {"/d/a": None}}, {}, {"d": {"a": None}}, id="set what is not there"),
        pytest.param(
            {"rename": {"/a": "/b"}, "remove": ["/c"], "set": {"/b": 9}}, {"a": 1, "c": 2}, {"b": 9}, id="in this order"
        ),
    ],
)
def test_rule_changes_what_it_says(changes: dict[str, object], before: object, after: object) -> None:
    assert json.loads(mend(json.dumps(before).encode(), rule(**changes))) == after


@pytest.mark.parametrize("payload", [b"", b"[1]", b"\xff", b"[" * 60_000])
def test_what_is_no_object_stays_as_it_is(payload: bytes) -> None:
    assert mend(payload, rule(set={"/a": 1})) == payload


@pytest.mark.parametrize(
    ("reason", "topic", "fits"),
    [
        pytest.param("bad_data", "busense/v1/c/bus-7/track", True, id="both"),
        pytest.param("bad_envelope", "busense/v1/c/bus-7/track", False, id="other reason"),
        pytest.param("bad_data", "busense/v1/c/bus-8/track", False, id="other topic"),
    ],
)
def test_rule_is_for_one_reason_and_some_topics(reason: str, topic: str, *, fits: bool) -> None:
    assert rule(topic="busense/v1/*/bus-7/*").fits(reason, topic) is fits
