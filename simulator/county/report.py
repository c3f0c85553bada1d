"""The page of a simulation: found and missed, how late, how far off, invented and doubled, against the truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import median
from typing import Final

from simulator.county.charts import Axis, Series, bar_chart, line_chart
from simulator.county.ledger import Ledger, Opened, Watched
from simulator.score import GATE_M
from simulator.truth import CLASS_CODES

FEWEST_PASSES, MOST_PASSES = 5, 30  # along the axis
LATE_STEPS: Final = 60
DAY_S: Final = 86_400.0
_UNITS: Final = {"day": "天 days", "second": "秒 seconds"}
RAIN_MM: Final = 0.5  # of a day with rain
QUALITY_NAMES: Final = {
    "good": "晴好 good",
    "dark": "昏暗 dark",
    "blurred": "雾/暴雨 blurred",
    "wet": "雨 wet",
    "glare": "逆光 glare",
}
CLASS_NAMES: Final = {
    "D00": "纵向裂缝 longitudinal",
    "D10": "横向裂缝 transverse",
    "D20": "网状裂缝 alligator",
    "D40": "坑槽 pothole",
}
FACT_NAMES: Final = {
    "county": "县域 County",
    "simulated": "模拟 Simulated",
    "detector": "检测器 Detector",
    "took": "耗时 Took",
    "dates": "日期 Dates",
    "seed": "种子 Seed",
}
_STYLE: Final = """
body{font:15px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;margin:0;background:#f5f6f8;color:#1c2430}
main{max-width:1400px;margin:0 auto;padding:24px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:16px;margin:0 0 2px}
.en{color:#66707d;font-size:13px;margin:0 0 8px}
.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(560px,100%),1fr));gap:16px}
section{background:#fff;border:1px solid #e0e4ea;border-radius:8px;padding:16px}

svg{width:100%;height:auto}svg text{font-size:12px;fill:#4a5563}svg .grid{stroke:#e6e9ee}
.legend{font-size:13px;display:flex;flex-wrap:wrap;gap:14px;padding-left:52px}
.legend i{display:inline-block;width:12px;height:12px;border-radius:2px;margin-right:5px;vertical-align:-1px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:16px 0}
.tile{background:#fff;border:1px solid #e0e4ea;border-radius:8px;padding:12px}.tile b{display:block;font-size:26px}
.tile span{font-size:13px;color:#66707d}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;font-size:13px}
dt{color:#66707d}dd{margin:0}table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:5px 8px;border-bottom:1px solid #e6e9ee;text-align:right}th:first-child,td:first-child{text-align:left}
@media (prefers-color-scheme:dark){body{background:#12161c;color:#e3e7ec}
section,.tile{background:#1a2029;border-color:#2c3440}
svg text{fill:#aab4c0}svg .grid{stroke:#2c3440}th,td{border-color:#2c3440}}
"""


@dataclass(frozen=True, slots=True)
class _Chart:
    title_zh: str
    title_en: str
    body: str


def write_report(ledger: Ledger, folder: Path) -> Path:
    """Write `index.html` and the ledger that it is drawn from."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger.write(folder / "ledger.json")
    page = folder / "index.html"
    page.write_text(page_of(ledger), encoding="utf-8")
    return page


def page_of(ledger: Ledger) -> str:
    """The whole page, which needs no other file."""
    dates = sorted({day.date[:10] for day in ledger.days})
    facts = {**ledger.facts, "dates": " / ".join(dict.fromkeys(dates[:1] + dates[-1:])), "seed": str(ledger.seed)}
    lines = "".join(
        f"<dt>{escape(FACT_NAMES.get(key, key))}</dt><dd>{escape(text)}</dd>" for key, text in facts.items()
    )
    tiles = "".join(
        f'<div class="tile"><b>{escape(b)}</b><span>{escape(name)}</span></div>' for name, b in _tiles(ledger)
    )
    charts = "".join(
        f'<section><h2>{escape(each.title_zh)}</h2><p class="en">{escape(each.title_en)}</p>{each.body}</section>'
        for each in _charts(ledger)
    )
    title = f"仿真报告 · {ledger.name}"
    return (
        f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        f'<h1>{escape(title)}</h1><p class="en">Report of a simulation, against its truth</p><dl>{lines}</dl>'
        f'<div class="tiles">{tiles}</div><div class="grid2">{charts}</div></main></body></html>\n'
    )


def _tiles(ledger: Ledger) -> list[tuple[str, str]]:
    found = [each for each in ledger.watched if each.found_day is not None]
    late = [(each.found_day - each.shown_day) * _per_day(ledger) for each in found if each.found_day is not None]
    passes = [each.shown_before_found for each in found if each.shown_before_found is not None]
    off = [each.off_m for each in found if each.off_m is not None]
    invented = sum(each.meaning != "damage" for each in ledger.opened)
    doubled = sum(each.is_double for each in ledger.opened)
    tiles = [
        ("出现过的病害 damage that came into view", str(len(ledger.watched))),
        ("发现 found", _share(len(found), len(ledger.watched))),
        ("发现前经过次数（中位） passes until found, median", _middle(passes, "{:.0f}")),
        (f"发现用时（中位，{_UNITS[ledger.unit]}） until found, median", _middle(late, "{:.0f}")),
        ("位置偏差（中位，米） metres off, median", _middle(off, "{:.1f}")),
    ]
    cases = [
        ("案件 cases", str(len(ledger.opened))),
        ("误报案件 cases of nothing", _share(invented, len(ledger.opened))),
        ("重复案件 cases doubled", _share(doubled, len(ledger.opened))),
    ]
    last = ledger.days[-1:]
    wrong = [
        ("误报 invented", str(sum(day.invented for day in last))),
        ("重复 doubled", str(sum(day.doubled for day in last))),
    ]
    return [*tiles, *(cases if ledger.opened else wrong)]


def _charts(ledger: Ledger) -> list[_Chart]:
    """Those for which the run has something to show."""
    watched, opened = ledger.watched, ledger.opened
    charts = [
        _Chart(
            "随时间：路上的病害与系统所知", "Over time: damage on the road, and what is believed", _over_time(ledger)
        ),
        _Chart(
            "随时间：误报与重复（未处置）", "Over time: invented and doubled, not judged yet", _wrong_over_time(ledger)
        ),
        _Chart("多少次经过之后发现（按类别）", "Share found after so many passes, by class", _by_passes(watched)),
        _Chart("多久之后发现（按类别）", "Share found so long after it came into view, by class", _late(ledger)),
        _Chart("发现时的位置偏差", "How far off the finding lay when it was first believed", _off(watched)),
    ]
    if ledger.by_month:
        charts += [
            _Chart("每次经过报告的比例：按画面质量", "Share of passes that told it, by picture", _by_quality(ledger)),
            _Chart("按月：报告的比例与降雨", "By month: share of passes that told it, and rain", _by_month(ledger)),
            _Chart(
                "按月：新出现与发现", "By month: first in view, and of it found within 30 days", _new_by_month(ledger)
            ),
        ]
    if opened:
        charts += [
            _Chart("按月：案件的真相", "By month: what the cases really were", _cases_by_month(ledger)),
            _Chart("维修与复核", "Repairs, good and bad, and what later passes said", _repairs(opened)),
        ]
    return [*charts, _Chart("按类别", "By class", _table(ledger))]


def _over_time(ledger: Ledger) -> str:
    series = [
        Series(name="在路上 there", values=[day.there for day in ledger.days], colour=5, is_area=True),
        Series(name="已发现、待修 found, waits for repair", values=[day.found for day in ledger.days], colour=0),
        Series(name="尚未发现 missed so far", values=[day.missed for day in ledger.days], colour=1),
    ]
    return line_chart(series, labels=_dates(ledger), x="时间 time", y=Axis(title="处 pieces of damage"))


def _wrong_over_time(ledger: Ledger) -> str:
    series = [
        Series(name="误报 invented", values=[day.invented for day in ledger.days], colour=1),
        Series(name="重复 doubled", values=[day.doubled for day in ledger.days], colour=2),
    ]
    return line_chart(series, labels=_dates(ledger), x="时间 time", y=Axis(title="处 findings"))


def _by_passes(watched: Sequence[Watched]) -> str:
    def until(each: Watched) -> tuple[float, bool]:
        return (each.shown, False) if each.shown_before_found is None else (each.shown_before_found, True)

    steps = min(MOST_PASSES, max([FEWEST_PASSES, *(each.shown for each in watched)]))
    return _until(watched, until, steps=steps, x="经过次数 passes that had it in view")


def _late(ledger: Ledger) -> str:
    watched, per_day = ledger.watched, _per_day(ledger)
    step = max(1.0, float(round(_last(ledger) * per_day / LATE_STEPS))) if ledger.unit == "second" else 1.0
    last = _last(ledger)

    def until(each: Watched) -> tuple[float, bool]:
        ends = (day for day in (each.found_day, each.gone_day) if day is not None)
        end = next(ends, last)
        return max(0.0, end - each.shown_day) * per_day / step, each.found_day is not None

    return _until(watched, until, steps=LATE_STEPS, step=step, x=_UNITS[ledger.unit])


def _per_day(ledger: Ledger) -> float:
    """Of the units in which times are drawn."""
    return DAY_S if ledger.unit == "second" else 1.0


def _last(ledger: Ledger) -> float:
    return max((each.found_day or each.gone_day or each.shown_day for each in ledger.watched), default=0.0)


def _until(
    watched: Sequence[Watched], until: Callable[[Watched], tuple[float, bool]], *, steps: int, x: str, step: float = 1.0
) -> str:
    labels = [f"{number * step:g}" for number in range(steps + 1)]
    groups = {"全部 all": list(watched)} | {
        code: [each for each in watched if each.class_code == code] for code in CLASS_CODES
    }
    series = [
        Series(
            name=f"{name} ({len(some)})", values=share_until([until(each) for each in some], steps=steps), colour=colour
        )
        for (name, some), colour in zip(groups.items(), (5, 0, 1, 2, 3), strict=True)
        if some
    ]
    return line_chart(series, labels=labels, x=x, y=Axis(title="发现 found", is_share=True))


def share_until(ends: Sequence[tuple[float, bool]], *, steps: int) -> list[float]:
    """Share that was found by each step; what was repaired or not followed longer leaves the count when it does.

    Source: Kaplan and Meier, Nonparametric estimation from incomplete observations, 1958.
    """
    missed, shares = 1.0, list[float]()
    for step in range(steps + 1):
        at_risk = sum(end > step - 1 for end, _ in ends)
        found = sum(is_found and step - 1 < end <= step for end, is_found in ends)
        missed *= 1 - found / at_risk if at_risk else 1.0
        shares.append(1 - missed)
    return shares


def _off(watched: Sequence[Watched]) -> str:
    metres = [each.off_m for each in watched if each.off_m is not None]
    edges = [step * 0.5 for step in range(round(2 * GATE_M) + 1)]
    counts = [sum(low <= each < low + 0.5 for each in metres) for low in edges]
    labels = [f"{low:g}" for low in edges]
    return bar_chart([Series(name="", values=counts)], labels=labels, x="米 metres", y=Axis(title="处 findings"))


def _by_quality(ledger: Ledger) -> str:
    by_quality = ledger.by_quality
    names = [name for name in QUALITY_NAMES if name in by_quality]
    values = [by_quality[name].told / max(1, by_quality[name].shown) for name in names]
    labels = [f"{QUALITY_NAMES[name]} · {by_quality[name].shown}" for name in names]
    return bar_chart(
        [Series(name="", values=values)],
        labels=labels,
        x="画面 · 经过次数 picture · passes",
        y=Axis(title="报告 told", is_share=True),
    )


def _by_month(ledger: Ledger) -> str:
    months = sorted(ledger.by_month)
    told = [ledger.by_month[month].told / max(1, ledger.by_month[month].shown) for month in months]
    rain = [_rainy_share(ledger, month) for month in months]
    series = [
        Series(name="报告的比例 share told", values=told, colour=0),
        Series(name="有雨的天 share of days with rain", values=rain, colour=5),
    ]
    return bar_chart(
        series, labels=[month[2:] for month in months], x="月 month", y=Axis(title="比例 share", is_share=True)
    )


def _rainy_share(ledger: Ledger, month: str) -> float:
    days = [day for day in ledger.days if day.date.startswith(month)]
    return sum(day.rain_mm > RAIN_MM for day in days) / max(1, len(days))


def _new_by_month(ledger: Ledger) -> str:
    months = sorted(ledger.by_month)
    of = {month: [each for each in ledger.watched if _month(ledger, each.shown_day) == month] for month in months}
    soon = [
        sum(each.found_day is not None and each.found_day - each.shown_day <= 30 for each in of[month])  # noqa: PLR2004
        for month in months
    ]
    series = [
        Series(name="新出现 first in view", values=[len(of[month]) for month in months], colour=5),
        Series(name="30 天内发现 found within 30 days", values=soon, colour=0),
    ]
    return bar_chart(series, labels=[month[2:] for month in months], x="月 month", y=Axis(title="处 pieces of damage"))


def _cases_by_month(ledger: Ledger) -> str:
    months = sorted(ledger.by_month)
    kinds = (
        ("damage", "真实病害 damage", 3),
        ("lookalike", "似是而非 lookalike", 2),
        ("nothing", "什么也没有 nothing", 1),
    )
    series = [
        Series(
            name=name,
            values=[
                sum(each.meaning == kind and _month(ledger, each.opened_day) == month for each in ledger.opened)
                for month in months
            ],
            colour=colour,
        )
        for kind, name, colour in kinds
    ]
    return bar_chart(series, labels=[month[2:] for month in months], x="月 month", y=Axis(title="案件 cases"))


def _repairs(opened: Sequence[Opened]) -> str:
    groups = (
        ("修好 good", [each for each in opened if each.done_day is not None and not each.is_bad_repair]),
        ("不久复发 bad, broke up soon", [each for each in opened if each.is_bad_repair]),
    )
    series = [
        Series(name="维修 repaired", values=[len(some) for _, some in groups], colour=5),
        Series(
            name="复核通过 verified",
            values=[sum(e.verified_day is not None for e in some) for _, some in groups],
            colour=3,
        ),
        Series(name="重开 reopened", values=[sum(e.reopened > 0 for e in some) for _, some in groups], colour=1),
    ]
    days = [
        each.verified_day - each.done_day
        for each in opened
        if each.verified_day is not None and each.done_day is not None
    ]
    x = f"复核用时（中位） median days until verified: {_middle(days, '{:.1f}')}"
    return bar_chart(series, labels=[name for name, _ in groups], x=x, y=Axis(title="案件 cases"))


def _table(ledger: Ledger) -> str:
    head = (
        "类别 class",
        "出现 in view",
        "发现 found",
        "经过 passes",
        _UNITS[ledger.unit],
        "偏差 off, m",
        "案件 cases",
        "误报 of nothing",
    )
    rows: list[tuple[str, ...]] = []
    per_day = _per_day(ledger)
    for code in CLASS_CODES:
        some = [each for each in ledger.watched if each.class_code == code]
        found = [each for each in some if each.found_day is not None]
        cases = [each for each in ledger.opened if each.class_code == code]
        rows.append(
            (
                f"{code} {CLASS_NAMES[code]}",
                str(len(some)),
                _share(len(found), len(some)),
                _middle([each.shown_before_found for each in found if each.shown_before_found is not None], "{:.0f}"),
                _middle(
                    [(each.found_day - each.shown_day) * per_day for each in found if each.found_day is not None],
                    "{:.0f}",
                ),
                _middle([each.off_m for each in found if each.off_m is not None], "{:.1f}"),
                str(len(cases)),
                _share(sum(each.meaning != "damage" for each in cases), len(cases)),
            )
        )
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{escape(each)}</th>' for each in head)}</tr>{body}</table>"


def _dates(ledger: Ledger) -> list[str]:
    """What the axis says of each look: a date, or what follows it."""
    return [day.date[5:10] if ledger.unit == "day" else day.date[10:].strip() for day in ledger.days]


def _month(ledger: Ledger, day: float) -> str:
    place = min(max(int(day), 0), len(ledger.days) - 1)
    return ledger.days[place].date[:7] if ledger.days else ""


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else "0"


def _middle(values: Sequence[float], form: str) -> str:
    return form.format(median(values)) if values else "-"
