from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from cloud.cases.model import Action
from cloud.notify.repository import Delivery
from cloud.notify.words import as_text, subject_of

CHINA = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 24, 16, 5, tzinfo=UTC)  # five past midnight in China


def delivery(payload: dict[str, Any]) -> Delivery:
    return Delivery(
        id=UUID(int=1), channel="email", target="liu", payload=payload, created_at=AT, attempts=1, event_ids=[]
    )


def of_case(action: str, *, zh: str = "", en: str = "") -> Delivery:
    data = {"case": {"id": "7", "number": "demo-2026-000007"}, "action": action, "reason": {"zh": zh, "en": en}}
    return delivery({"type": f"case.{action}", "timestamp": AT.isoformat(), "data": data})


def test_line_tells_the_time_on_the_clocks_of_the_county() -> None:
    text = as_text([of_case("file")], page="https://ops.example", zone=CHINA)

    assert text == "2026-11-25 00:05 demo-2026-000007 立案 / file https://ops.example/cases/7"


def test_line_of_one_who_travels_tells_it_too() -> None:
    travels = delivery({"type": "travel.arrived", "timestamp": AT.isoformat(), "data": {"id": "7"}})

    assert as_text([travels], page=None, zone=CHINA) == "2026-11-25 00:05 已到达 / arrived"


def test_reason_is_told_in_both_languages_and_a_person_s_own_words_once() -> None:
    both = as_text([of_case("overdue", zh="超过时限", en="the time limit has passed")], page=None, zone=CHINA)
    own = as_text([of_case("reject", zh="只是影子", en="只是影子")], page=None, zone=CHINA)

    assert both.endswith("已超时 / overdue (超过时限 / the time limit has passed)")
    assert own.endswith("不予立案 / reject (只是影子)")


@pytest.mark.parametrize("action", Action)
def test_every_action_has_its_chinese_word(action: Action) -> None:
    word, _, code = subject_of([of_case(action)]).removeprefix("busense demo-2026-000007 ").partition(" / ")

    assert not word.isascii()
    assert code == action
