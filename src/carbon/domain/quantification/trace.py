"""Traces: how a record's grams came about, expanded on demand from the codes a result stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from carbon.domain.errors import Lang, Text

#: Columns of a stored result: grams, and the prefix of the factor row of each role.
GRAMS = ("be_g", "pe_g", "u_g", "le_g", "er_g")
FACTOR = "factor_"


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything `carbon explain` knows of a record.

    ``record``: its cells as submitted; ``grams``: be_g, pe_g, u_g, le_g, er_g; ``factors``: for
    each role the adopted row as a mapping; ``flags``: by name.
    """

    record: Mapping[str, object]
    grams: Mapping[str, int]
    life: float
    grade: str
    flags: tuple[str, ...]
    factors: Mapping[str, Mapping[str, str]]
    methodology: str
    formula: str
    catalogue: str
    item_name: Text


FLAG_NAMES: Mapping[str, Text] = {
    "age_unknown": Text(
        "年限不明，按该类别剩余寿命的第 10 百分位计",
        "age unknown: the category's 10th percentile of remaining life was used",
    ),
    "reuse_share_default": Text(
        "去向不明，按缺省再使用份额计，不可签发",
        "fate unproven: the default share was used; cannot issue",
    ),
    "energy_unsourced": Text(
        "用电数据无来源，使用阶段未计，不可签发",
        "no sourced kWh: the use phase is left out; cannot issue",
    ),
    "abroad": Text("接收方不在中国大陆，不可签发", "receiver outside mainland China; cannot issue"),
    "not_hedong": Text("不在河东区登记，不可签发", "not registered in Hedong; cannot issue"),
    "display_factor": Text(
        "用到仅供展示的因子，不可签发", "uses a display-only factor; cannot issue"
    ),
    "factor_carried": Text(
        "因子已过期，按表顺延使用", "a factor has ended and was carried forward"
    ),
    "as_of": Text(
        "按指定日期的因子试算，不可签发", "computed with factors of another day; cannot issue"
    ),
    "life_account": Text(
        "该物品寿命已部分计过，只计剩余部分",
        "part of the item's life was credited before: only the rest counts",
    ),
}


def sentence(trace: Trace, lang: Lang) -> str:
    """What a resident reads: at most one line, never a negative reward."""
    shown = max(0, trace.grams["er_g"]) / 1000
    name = trace.item_name.say(lang)
    if shown == 0:
        return Text(
            "这次{name}没有净减排：运输与整备的排放不低于避免的生产排放。",
            "This {name} avoided nothing net: moving and preparing it emitted as much as it saved.",
        ).say(lang, name=name)
    return Text(
        "您的{name}接着用，少排约 {kg:.2f} 千克二氧化碳。",
        "Your {name} stays in use: about {kg:.2f} kg of CO2 avoided.",
    ).say(lang, name=name, kg=shown)
