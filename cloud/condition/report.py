"""The monthly report: a page made for print, in Chinese or English."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final, Literal

from cloud.condition.monthly import Line, Month
from cloud.condition.pci import grade_of
from cloud.condition.plots import COLOURS, bar_plot, grade_bar, interval_bar, line_plot

Language = Literal["zh", "en"]

STYLE: Final = """
@page { size: A4; margin: 16mm }
body { font: 11pt/1.45 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", system-ui, sans-serif;
  color: #1c2430; max-width: 180mm; margin: 12mm auto }
h1 { font-size: 20pt; margin: 0 } h2 { font-size: 13pt; margin: 9mm 0 3mm; break-after: avoid }
.lead, .note { color: #556 } .note { font-size: 9pt }
.facts { display: grid; grid-template-columns: repeat(4, 1fr); gap: 4mm; margin-top: 6mm }
.facts div { border: 1px solid #d5dae2; border-radius: 2mm; padding: 3mm } .facts b { display: block; font-size: 16pt }
table { border-collapse: collapse; width: 100%; font-size: 9.5pt } thead { display: table-header-group }
th, td { text-align: left; padding: 1.2mm 2mm; border-bottom: 1px solid #e3e7ed } tr, .short { break-inside: avoid }
td:first-child { min-width: 20mm; word-break: keep-all }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
svg { max-width: 100%; height: auto } td svg { width: 26mm; vertical-align: middle }
.range { white-space: nowrap }
.key { display: flex; flex-wrap: wrap; gap: 4mm; font-size: 9pt; margin-top: 2mm }
.key svg { width: 3mm; margin-right: 1mm }
@media print { body { margin: 0; max-width: none } }
@media screen and (max-width: 190mm) { body { margin: 5mm; font-size: 11pt } .facts { grid-template-columns: 1fr 1fr }
  table { display: block; overflow-x: auto } }
"""
STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

TEXTS: Final[dict[Language, dict[str, str]]] = {
    "zh": {
        "title": "路况月报",
        "month": "{year} 年 {month} 月",
        "lead": "{city} · 由公交车载相机巡查数据估算，统计至 {last_day}",
        "pci": "路面状况指数 PCI（估算）",
        "network": "路网里程",
        "known": "已评估里程",
        "looked_at": "本月巡查里程",
        "grades": "路况等级构成（按里程）",
        "trend": "每日全网 PCI 估算均值",
        "survey": "每日巡查里程（公里）",
        "worst": "最差路段",
        "found": "本月新发现病害",
        "road": "道路",
        "segment": "路段编号",
        "length": "长度（米）",
        "index": "PCI",
        "interval": "90% 区间",
        "share": "已巡查比例",
        "looked_on": "最近巡查",
        "findings": "病害数",
        "class": "类别",
        "count": "数量",
        "nothing": "无数据",
        "unnamed": "未命名道路",
        "km": "公里",
        "excellent": "优",
        "good": "良",
        "fair": "中",
        "poor": "次",
        "bad": "差",
        "unknown": "未评估",
        "note": (
            "PCI 按 JTG 5210-2018 公式由车载相机发现的病害估算，并非人工检测结果。"
            "区间考虑了病害是否存在、尺寸与严重程度的误差、可能漏检的病害以及未巡查到的路面，"
            "区间越宽，把握越小。均值按路段长度加权。"
        ),
    },
    "en": {
        "title": "Road condition report",
        "month": "{year}-{month:02d}",
        "lead": "{city} · estimated from what cameras on buses saw, up to {last_day}",
        "pci": "Pavement condition index (estimate)",
        "network": "Road network",
        "known": "With an estimate",
        "looked_at": "Looked at this month",
        "grades": "Grades, by length",
        "trend": "Mean index of the network by day",
        "survey": "Kilometres looked at by day",
        "worst": "Worst segments",
        "found": "Damage first seen this month",
        "road": "Road",
        "segment": "Segment",
        "length": "Length (m)",
        "index": "PCI",
        "interval": "90% interval",
        "share": "Share seen",
        "looked_on": "Last look",
        "findings": "Findings",
        "class": "Class",
        "count": "Number",
        "nothing": "no data",
        "unnamed": "unnamed road",
        "km": "km",
        "excellent": "Excellent",
        "good": "Good",
        "fair": "Fair",
        "poor": "Poor",
        "bad": "Bad",
        "unknown": "No estimate",
        "note": (
            "The index follows the formula of JTG 5210-2018 from damage that cameras found. It is an estimate, "
            "no survey by engineers. The interval covers whether each damage exists, how large and severe it is, what "
            "was missed, and what nobody saw: the wider, the less is known. Means are weighted by length."
        ),
    },
}


def render(month: Month, *, city: str, language: Language, class_names: Mapping[str, str]) -> str:
    """Write the page."""
    texts = TEXTS[language]
    when = texts["month"].format(year=month.first_day.year, month=month.first_day.month)
    last_day = month.days[-1].day if month.days else month.first_day
    lead = texts["lead"].format(city=city, last_day=last_day)
    sections = "".join(
        (
            _facts(month, texts),
            _section(texts["grades"], _grades(month, texts)),
            _trends(month, texts),
            _section(texts["found"], _found(month.found, class_names, texts)),
            _section(texts["worst"], _worst(month.worst, texts)),
        )
    )
    return (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(texts['title'])} {escape(when)}</title><style>{STYLE}</style></head><body>"
        f'<h1>{escape(texts["title"])} {escape(when)}</h1><p class="lead">{escape(lead)}</p>{sections}'
        f'<p class="note">{escape(texts["note"])}</p></body></html>'
    )


def _facts(month: Month, texts: Mapping[str, str]) -> str:
    facts = (
        (texts["pci"], _index(month.pci)),
        (texts["network"], f"{month.network_km:.1f} {texts['km']}"),
        (texts["known"], f"{month.known_km:.1f} {texts['km']}"),
        (texts["looked_at"], f"{month.looked_at_km:.1f} {texts['km']}"),
    )
    boxes = "".join(f"<div><b>{escape(value)}</b>{escape(name)}</div>" for name, value in facts)
    return f'<div class="facts">{boxes}</div>'


def _trends(month: Month, texts: Mapping[str, str]) -> str:
    days = [str(day.day.day) for day in month.days]
    trend = line_plot([day.pci for day in month.days], days=days, label=texts["trend"])
    looked_at_km = [day.looked_at_km for day in month.days]
    survey = bar_plot(looked_at_km, days=days, label=texts["survey"]) if any(looked_at_km) else ""
    nothing = f"<p>{escape(texts['nothing'])}</p>"
    return _section(texts["trend"], trend or nothing) + _section(texts["survey"], survey or nothing)


def _grades(month: Month, texts: Mapping[str, str]) -> str:
    if month.network_km == 0:
        return f"<p>{escape(texts['nothing'])}</p>"
    return grade_bar(month.km_by_grade, label=texts["grades"]) + _key(month, texts)


def _key(month: Month, texts: Mapping[str, str]) -> str:
    entries = "".join(
        f'<span><svg viewBox="0 0 10 10"><rect width="10" height="10" fill="{COLOURS[grade]}"/></svg>'
        f"{escape(texts[grade.value])} {km:.1f} {escape(texts['km'])}</span>"
        for grade, km in month.km_by_grade.items()
    )
    return f'<div class="key">{entries}</div>'


def _worst(lines: Iterable[Line], texts: Mapping[str, str]) -> str:
    rows = [
        (
            escape(line.name or texts["unnamed"]),
            f"<small>{escape(line.segment_id)}</small>",
            f"{line.length_m:.0f}",
            _index(line.pci),
            _interval(line),
            f"{line.surveyed_share:.0%}",
            "—" if line.last_looked_on is None else f"{line.last_looked_on:%m-%d}",
            str(line.findings),
        )
        for line in lines
    ]
    names = ("road", "segment", "length", "index", "interval", "share", "looked_on", "findings")
    return _table([texts[name] for name in names], rows, numbers={2, 3, 5, 6, 7}, texts=texts)


def _found(found: Iterable[tuple[str, int]], class_names: Mapping[str, str], texts: Mapping[str, str]) -> str:
    rows = [(escape(class_names.get(code, code)), str(count)) for code, count in found]
    table = _table([texts["class"], texts["count"]], rows, numbers={1}, texts=texts)
    return f'<div class="short">{table}</div>'


def _interval(line: Line) -> str:
    if line.low is None or line.pci is None or line.high is None:
        return ""
    label = f"{line.low:.0f}…{line.high:.0f}"
    colour = COLOURS[grade_of(line.pci)]
    bar = interval_bar(low=line.low, middle=line.pci, high=line.high, colour=colour, label=label)
    return f'<span class="range">{bar} {label}</span>'


def _index(pci: float | None) -> str:
    return "—" if pci is None else f"{pci:.1f}"


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>{body}"


def _table(names: list[str], rows: list[tuple[str, ...]], *, numbers: set[int], texts: Mapping[str, str]) -> str:
    """Build a table; the cells are HTML already."""
    if not rows:
        return f"<p>{escape(texts['nothing'])}</p>"
    kinds = ['class="number"' if number in numbers else "" for number in range(len(names))]
    head = "".join(f"<th {kind}>{escape(name)}</th>" for kind, name in zip(kinds, names, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td {kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
