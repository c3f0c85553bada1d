from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from simulator.county.build import County, make_county
from simulator.county.messages import CountyFleet, Sent
from simulator.county.publish import AS_FAST_AS_IT_GOES, in_time
from simulator.county.recording import read_recording, write_recording
from simulator.county.scenario import Scenario
from simulator.county.weather import WET
from simulator.errors import RecordingError
from simulator.exposure import Exposures
from wire.codec import decode_envelope
from wire.messages import Coverage, Detection, Health, Track
from wire.topics import parse_topic

MakeScenario = Callable[..., Scenario]
MORNING_S = 10 * 3600.0
NOW = datetime(2026, 11, 29, 22, 0, tzinfo=UTC)


def _messages(scenario: Scenario, *, for_s: float = 120.0) -> list[Sent]:
    return list(CountyFleet(make_county(scenario, folder=Path()), from_s=MORNING_S).messages(for_s))


@pytest.fixture(scope="module")
def messages(make_scenario: MakeScenario) -> list[Sent]:
    return _messages(make_scenario(), for_s=300.0)


def test_every_message_is_one_of_the_contract(messages: list[Sent]) -> None:
    kinds: Counter[type] = Counter()
    for sent in messages:
        envelope = decode_envelope(sent.payload)
        assert parse_topic(sent.topic).source == envelope.source
        assert parse_topic(sent.topic).kind == envelope.kind
        kinds[type(envelope.data)] += 1
    assert set(kinds) == {Track, Detection, Coverage, Health}
    assert 12 * 30 * 0.8 < kinds[Track] <= 12 * 30  # some wait for their departure


def test_each_bus_counts_its_messages_without_gaps_and_no_id_comes_twice(messages: list[Sent]) -> None:
    envelopes = [decode_envelope(sent.payload) for sent in messages]
    assert len({envelope.id for envelope in envelopes}) == len(envelopes)
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for envelope in envelopes:
        numbers[envelope.source].append(envelope.sequence or 0)
    assert all(sorted(each) == list(range(1, len(each) + 1)) for each in numbers.values())


def test_stretches_looked_at_join_without_gaps(messages: list[Sent]) -> None:
    by_bus: defaultdict[str, list[Coverage]] = defaultdict(list)
    for sent in messages:
        envelope = decode_envelope(sent.payload)
        if isinstance(envelope.data, Coverage):
            by_bus[envelope.source].append(envelope.data)
    pairs = [pair for looks in by_bus.values() for pair in pairwise(looks)]
    joined = [after.from_at - before.to_at < timedelta(seconds=1) for before, after in pairs]
    assert len(pairs) > 50
    assert sum(joined) / len(joined) > 0.9  # but for those that ended with their line
    assert all(0.9 < look.usable_share <= 1 for looks in by_bus.values() for look in looks)


def test_rain_is_told_as_the_weather_has_it(county: County) -> None:
    """As every sighting and look of that hour was drawn."""
    weather = county.weather
    hours = 3600 * np.arange(weather.days * 24, dtype=np.float64) + 1800
    qualities, _ = weather.view(hours, np.zeros(len(hours)))
    is_day = np.abs(hours % 86_400 / 3600 - 12.5) < 4
    raining_s = float(hours[(qualities == WET) & is_day][0]) - 900
    told = [
        envelope.data.quality
        for sent in CountyFleet(county, from_s=raining_s).messages(120.0)
        if isinstance((envelope := decode_envelope(sent.payload)).data, Coverage | Detection)
    ]
    assert set(told) == {"wet"}


def test_the_same_seed_sends_the_same_bytes(make_scenario: MakeScenario) -> None:
    first, again, other = (_messages(make_scenario(county={"seed": seed})) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_a_bus_without_a_network_tells_all_later(make_scenario: MakeScenario) -> None:
    until_day = (MORNING_S + 60) / 86_400
    fault = [{"kind": "offline", "from_day": 0, "to_day": until_day}]
    with_gap, without = _messages(make_scenario(fault=fault)), _messages(make_scenario())
    assert {sent.payload for sent in with_gap} == {sent.payload for sent in without}
    begin = min(sent.at for sent in without)
    assert min(sent.at for sent in with_gap) - begin > timedelta(seconds=45)


def test_a_cloud_hears_of_now_what_the_scenario_has_on_its_day(county: County) -> None:
    own = list(CountyFleet(county, from_s=MORNING_S).messages(60.0))
    now = list(CountyFleet(county, from_s=MORNING_S, begins_at=NOW).messages(60.0))
    assert [sent.topic for sent in now] == [sent.topic for sent in own]
    shifts = {a.at - b.at for a, b in zip(now, own, strict=True)}
    assert shifts == {NOW - (county.weather.first_day + timedelta(seconds=MORNING_S))}
    assert all(NOW <= decode_envelope(sent.payload).time <= NOW + timedelta(seconds=60) for sent in now)


def test_buses_that_speak_for_themselves_are_left_out(county: County) -> None:
    def topics(agents: tuple[int, ...]) -> Counter[str]:
        return Counter(sent.topic for sent in CountyFleet(county, from_s=MORNING_S, agents=agents).messages(120.0))

    every, others = topics(()), topics((0, 5))
    own = {topic for topic in every if topic.split("/")[3] in {"small-00001", "small-00006"}}
    assert own
    assert others == Counter({topic: count for topic, count in every.items() if topic not in own})


def test_what_the_others_had_in_view_is_noted_as_damage(county: County) -> None:
    passes: list[dict[str, int]] = []
    for agents in ((), tuple(range(12))):
        exposures = Exposures()
        fleet = CountyFleet(county, from_s=MORNING_S, agents=agents, exposures=exposures)
        assert (len(list(fleet.messages(300.0))) > 0) == (not agents)
        passes.append(exposures.passes())
    known = {each.id for each in county.damages.truth(MORNING_S / 86_400 + 0.01).defects}
    assert passes[0].keys() <= known
    assert len(passes[0]) > 20
    assert passes[1] == {}


@pytest.mark.parametrize("name", ["day.jsonl", "day.jsonl.gz"])
def test_a_recording_holds_the_bytes_that_were_made(messages: list[Sent], tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert write_recording(path, messages[:200], about={"seed": 2}) == 200
    assert list(read_recording(path)) == messages[:200]


def test_equal_messages_make_equal_files(messages: list[Sent], tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_recording(tmp_path / name, messages[:20], about={})
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is no recording"),
        ('{"format": "something"}\n', "not something"),
        ('{"format": "busense.recording.v1"}\n{"at": 3}\n', "line 2"),
    ],
    ids=["empty", "other format", "broken line"],
)
def test_a_file_that_is_no_recording_is_told(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text(content)
    with pytest.raises(RecordingError, match=told):
        list(read_recording(path))


def test_a_recording_that_was_cut_off_is_told(messages: list[Sent], tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    write_recording(path, messages[:200], about={})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(RecordingError):
        list(read_recording(path))


def test_messages_are_not_sent_before_their_time(messages: list[Sent]) -> None:
    clock = FakeTime()
    begins_at = messages[0].at - timedelta(seconds=7)
    in_time(messages[:1], lambda _: None, rate=1.0, begins_at=begins_at, now_s=lambda: clock.now_s, sleep=clock.sleep)
    assert clock.now_s == pytest.approx(7)


class FakeTime:
    """Stands still but for those who sleep."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.mark.parametrize(("rate", "takes_s"), [(1.0, 290.0), (10.0, 29.0), (AS_FAST_AS_IT_GOES, 0.0)])
def test_messages_are_published_as_fast_as_wished(messages: list[Sent], rate: float, takes_s: float) -> None:
    clock = FakeTime()
    taken: list[Sent] = []
    count = in_time(messages, taken.append, rate=rate, now_s=lambda: clock.now_s, sleep=clock.sleep)
    assert count == len(messages)
    assert taken == messages
    assert clock.now_s == pytest.approx(takes_s, rel=0.05)


def test_a_packed_recording_is_told_to_be_broken_wherever_it_is(messages: list[Sent], tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl.gz"
    write_recording(path, messages[:200], about={})
    whole = path.read_bytes()
    for place in range(20, len(whole), len(whole) // 100):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(RecordingError):
            list(read_recording(path))
