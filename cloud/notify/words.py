"""Events in words, for mail and chat: Chinese first, English behind it, as the county's people read them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from cloud.notify import travel
from cloud.notify.repository import Delivery

MAX_LINES: Final = 50

_ACTIONS: Final = {
    "file": "立案",
    "dispatch": "派遣",
    "reassign": "改派",
    "return": "退回",
    "ask_suspension": "申请挂起",
    "suspend": "挂起",
    "resume": "恢复",
    "accept": "接单",
    "arrive": "到场",
    "done": "处置完成",
    "verify": "核查通过",
    "reopen": "重新打开",
    "call_person": "待人工核查",
    "warn": "即将超时",
    "overdue": "已超时",
    "escalate": "升级督办",
    "close": "结案",
    "reject": "不予立案",
    "open": "上报",
    "merge": "合并",
    "separate": "取消合并",
    "correct": "更正",
    "withdraw": "撤回",
    "decline_suspension": "不同意挂起",
    "add_photo": "添加照片",
    "add_sighting": "追加观测",
    "comment": "备注",
}


def subject_of(deliveries: Sequence[Delivery]) -> str:
    """One line."""
    if any(_is_travel(delivery.payload) for delivery in deliveries):
        return "busense 出行动态 / travel news"
    first = deliveries[0].payload["data"]
    if len(deliveries) == 1:
        return f"busense {first['case']['number']} {_action(first)}"
    return f"busense {len(deliveries)} 条案件动态 / {len(deliveries)} case updates"


def as_text(deliveries: Sequence[Delivery], *, page: str | None, zone: ZoneInfo) -> str:
    """A line for each event, by the county's clocks, with a link where the page's address is known."""
    lines = [_line(delivery.payload, page, zone) for delivery in deliveries[:MAX_LINES]]
    if len(deliveries) > MAX_LINES:
        lines.append(f"… +{len(deliveries) - MAX_LINES}")
    return "\n".join(lines)


def _line(payload: dict[str, Any], page: str | None, zone: ZoneInfo) -> str:
    at = f"{datetime.fromisoformat(payload['timestamp']).astimezone(zone):%Y-%m-%d %H:%M}"
    if _is_travel(payload):
        return f"{at} {travel.line_of(payload, page)}"
    data = payload["data"]
    case, reason = data["case"], _reason(data["reason"])
    parts = [at, case["number"], _action(data)]
    parts += [f"({reason})"] if reason else []
    parts += [f"{page.rstrip('/')}/cases/{case['id']}"] if page else []
    return " ".join(parts)


def _reason(said: dict[str, str]) -> str:
    """What a person wrote stands in both languages as it was written."""
    return " / ".join(dict.fromkeys(words for words in (said["zh"], said["en"]) if words))


def _is_travel(payload: dict[str, Any]) -> bool:
    return payload["type"].startswith(travel.PREFIX)


def _action(data: dict[str, Any]) -> str:
    return f"{_ACTIONS.get(data['action'], data['action'])} / {data['action']}"
