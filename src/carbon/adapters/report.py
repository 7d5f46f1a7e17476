"""The report of a run: one self-contained page, charts as SVG with a table each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from carbon.adapters.charts import BAR, ROW, WIDTH, Bar, page_templates, scale
from carbon.domain.errors import Lang


def render_report(summary: Mapping[str, Any], lang: Lang) -> str:
    """The page of a summary, in one language with the other a click away."""
    charts = {
        code: {
            "categories": category_bars(summary["by_category"], code),
            "waterfall": waterfall_bars(summary["totals"], code),
            "yardsticks": yardstick_bars(summary, code),
        }
        for code in ("zh", "en")
    }
    return (
        page_templates()
        .get_template("report.html.j2")
        .render(s=summary, lang=lang, charts=charts, width=WIDTH, row=ROW, bar=BAR)
    )


def category_bars(categories: Sequence[Mapping[str, Any]], lang: Lang) -> list[Bar]:
    """Net reduction per category with its 5th and 95th percentile."""
    rows = sorted(categories, key=lambda c: -c["er_g"])
    if not rows:
        return []
    spans = [(c.get("percentiles_g") or {}) for c in rows]
    everything = [c["er_g"] / 1000 for c in rows]
    everything += [span[p] / 1000 for span in spans if span for p in ("p5", "p95")]
    origin, per_kg = scale(everything)
    bars = []
    for place, (row, span) in enumerate(zip(rows, spans, strict=True)):
        kg = row["er_g"] / 1000
        bars.append(
            Bar(
                label=row[lang],
                x0=origin + min(0.0, kg) * per_kg,
                x1=origin + max(0.0, kg) * per_kg,
                y=place * ROW,
                low=origin + span["p5"] / 1000 * per_kg if span else None,
                high=origin + span["p95"] / 1000 * per_kg if span else None,
                kg=kg,
                kind="net" if kg >= 0 else "loss",
            )
        )
    return bars


_STEPS = (
    ("be_g", "避免的生产（基准线）", "Production avoided (baseline)", 1),
    ("pe_g", "运输与整备（项目）", "Transport and preparation", -1),
    ("u_g", "使用阶段", "Use phase", -1),
    ("le_g", "泄漏", "Leakage", -1),
)


def waterfall_bars(totals: Mapping[str, int], lang: Lang) -> list[Bar]:
    """From baseline to net reduction, step by step."""
    level, steps = 0.0, []
    for name, zh, en, sign in _STEPS:
        kg = sign * totals[name] / 1000
        steps.append((zh if lang == "zh" else en, level, level + kg, "net" if sign > 0 else "loss"))
        level += kg
    net = totals["er_g"] / 1000
    steps.append(("净减排量" if lang == "zh" else "Net reduction", 0.0, net, "total"))
    origin, per_kg = scale([edge for _, start, end, _ in steps for edge in (start, end)])
    return [
        Bar(
            label=name,
            x0=origin + min(start, end) * per_kg,
            x1=origin + max(start, end) * per_kg,
            y=place * ROW,
            low=None,
            high=None,
            kg=end - start,
            kind=kind,
        )
        for place, (name, start, end, kind) in enumerate(steps)
    ]


#: Names of the published yardsticks short enough for a chart; the table gives their full titles.
YARDSTICKS = {
    "phone/t_cace_2023": ("T/CACE 2023（上限）", "T/CACE 2023 (upper bound)"),
    "phone/zhuanzhuan_2021": ("转转 2021（至少）", "Zhuanzhuan 2021 (at least)"),
    "phone/fraunhofer_refurbed_2023": ("Fraunhofer/refurbed", "Fraunhofer/refurbed"),
    "phone/ademe_2022_per_year": ("ADEME 2022（每年）", "ADEME 2022 (per year)"),
}


def yardstick_bars(summary: Mapping[str, Any], lang: Lang) -> list[Bar]:
    """Published results per phone beside ours; empty where the run holds no phone."""
    phones = [r for r in summary["by_item_type"] if r["item_type"] == "phone" and r["records"]]
    published = [y for y in summary["yardsticks"] if y["key"].startswith("phone/")]
    if not phones or not published:
        return []
    ours = phones[0]["er_g"] / 1000 / phones[0]["records"]
    name = "本次平均（每条记录）" if lang == "zh" else "This run, mean per record"
    rows = [(name, ours, "total")]
    place = 0 if lang == "zh" else 1
    rows += [
        (YARDSTICKS.get(y["key"], (y["key"],) * 2)[place], float(y["value"]), "other")
        for y in published
    ]
    origin, per_kg = scale([kg for _, kg, _ in rows])
    return [
        Bar(
            label=label,
            x0=origin + min(0.0, kg) * per_kg,
            x1=origin + max(0.0, kg) * per_kg,
            y=place * ROW,
            low=None,
            high=None,
            kg=kg,
            kind=kind,
        )
        for place, (label, kg, kind) in enumerate(rows)
    ]
