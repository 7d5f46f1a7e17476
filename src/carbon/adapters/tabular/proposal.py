"""A mapping proposed from the column names of a file, with how sure it is of each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from carbon.adapters.tabular.mapping import OWN_COLUMN, UNITS
from carbon.domain.activity.record import COLUMNS, folded

#: Percent: the name itself, another word for it, the same with a remark, and one that looks alike.
_EXACT, _ALIAS, _REMARKED, _ALIKE = 100, 90, 80, 60
#: Likeness below which two names have nothing to do with each other.
_LIKE: Final = 0.8

#: Other words people head a column with.
_ALIASES: Final[Mapping[str, str]] = {
    "record_id": (
        "单号 订单号 编号 流水号 交易号 id no order_id order_no transaction_id receipt_no"
    ),
    "occurred_on": (
        "日期 交易日期 成交日期 时间 成交时间 date day sold_on event_date transaction_date"
    ),
    "channel": "交易渠道 来源 source sales_channel",
    "act": "方式 交易方式 类型 行为类型 activity action kind transaction_type",
    "item_type": (
        "品名 品类 物品 商品 商品类型 产品类型 类别 item product product_category category"
    ),
    "quantity": "件数 个数 数目 qty count pieces number_of_items",
    "mass_kg": "重量 净重 总重 重 斤 公斤 weight mass net_weight",
    "condition": "新旧 新旧程度 成新 品相 state",
    "age_years": "年限 使用年限 已用时间 使用时间 使用时长 age years_used used_for",
    "price_fen": "价格 成交价 售价 金额 单价 price amount sale_price",
    "process": "处理 整备方式 加工 维修 处理方式 refurbishment treatment",
    "transport_km": "里程 距离 运距 公里数 distance km",
    "transport_mode": "运输 配送方式 物流方式 运送方式 transport delivery shipping_mode",
    "destination": "流向 处置去向 final_destination",
    "evidence": "证据 凭证 证据级别 evidence_level proof",
    "item_id": "序列号 串号 物品编码 商品编号 imei serial serial_number serial_no",
    "giver": "卖方 卖家 捐赠人 交售人 出让方 seller donor from",
    "receiver": "买方 买家 受赠人 受让方 购买人 buyer recipient to",
    "receiver_region": "地区 收货地 收货地区 接收地区 region destination_region",
    "returned_on": "退货日 退回日期 return_date returned",
    "subsidised": "补贴 是否补贴 享受补贴 subsidy",
    "site": "门店 站点编号 网点 店铺 站 shop store station",
    "enterprise": "公司 企业代码 统一社会信用代码 商家 company organisation firm",
    "note": "说明 附注 注释 remark remarks comment comments",
}
#: What people call a unit, by the unit of a mapping.
_UNIT_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "kg": ("kg", "公斤", "千克", "kilogram", "kilograms"),
    "g": ("g", "克", "gram", "grams"),
    "t": ("t", "吨", "tonne", "tonnes"),
    "jin": ("jin", "斤", "市斤"),
    "year": ("year", "years", "年"),
    "month": ("month", "months", "月", "个月"),
    "day": ("day", "days", "天", "日"),
    "fen": ("fen", "分"),
    "yuan": ("yuan", "元", "cny", "rmb"),
    "km": ("km", "公里", "千米"),
    "m": ("m", "米"),
}
#: A name with a remark in brackets, or after an underscore or a slash.
_BRACKETS: Final = re.compile(r"^(?P<name>.+?)_*[(\[【](?P<remark>[^)\]】]*)[)\]】]$")
_TAIL: Final = re.compile(r"^(?P<name>.+?)[_/·-](?P<remark>[^_/·-]+)$")


@dataclass(frozen=True, slots=True)
class Guess:
    """That a column of a file is a canonical one, in percent, and its unit where the name says."""

    column: str
    source: str
    confidence: int
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Guesses by canonical column in their order, and columns of the file that fit none."""

    guesses: Sequence[Guess]
    unmapped: Sequence[str]

    def mapping(self) -> dict[str, Any]:
        """As a mapping's file would say it."""
        columns = {
            g.column: {"from": g.source, **({"unit": g.unit} if g.unit else {})}
            for g in self.guesses
        }
        return {"columns": columns, "ignore": list(self.unmapped)}


def header_digest(header: Sequence[str]) -> str:
    """What files of the same program have in common: their column names, in whatever order."""
    names = sorted(name for name in map(folded, header) if name)
    return hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass")).hexdigest()


def propose(header: Sequence[str]) -> Proposal:
    """The surest guess for each column first; a column is used once."""
    names = [name.strip() for name in header]
    free = [n for n in dict.fromkeys(names) if n and not n.startswith(OWN_COLUMN)]
    found = sorted((g for name in free for g in _guesses(name)), key=lambda g: -g.confidence)
    taken: dict[str, Guess] = {}
    used: set[str] = set()
    for guess in found:
        if guess.column not in taken and guess.source not in used:
            taken[guess.column] = guess
            used.add(guess.source)
    ordered = [taken[c.name] for c in COLUMNS if c.name in taken]
    return Proposal(ordered, [name for name in free if name not in used])


def _guesses(source: str) -> Iterator[Guess]:
    """Canonical columns that a name may stand for."""
    name = folded(source)
    bare, unit = _parted(name)
    for column in COLUMNS:
        confidence = _confidence(name, bare, column.name)
        if confidence:
            fits = unit if unit in UNITS.get(column.name, ()) else None
            own = column.name.rsplit("_", 1)[-1]
            exact = confidence == _EXACT
            implied = None if exact else fits or _implied(name, column.name)
            yield Guess(column.name, source, confidence, None if implied == own else implied)


def _confidence(name: str, bare: str, column: str) -> int:
    own, others = _OWN_NAMES[column], _OTHER_NAMES[column]
    if name in own:
        return _EXACT
    if name in others:
        return _ALIAS
    if bare in own | others:
        return _REMARKED
    if len(bare) <= 3:  # noqa: PLR2004  short names look alike by chance
        return 0
    like = max(SequenceMatcher(None, bare, other).ratio() for other in own | others)
    return int(_ALIKE * like) if like >= _LIKE else 0


def _parted(name: str) -> tuple[str, str | None]:
    """A folded name without its remark, and the unit where the remark is one."""
    for pattern in (_BRACKETS, _TAIL):
        match = pattern.match(name)
        if match:
            remark = match["remark"].strip("_")
            unit = _UNITS_BY_WORD.get(remark)
            if pattern is _BRACKETS or unit:
                return match["name"].strip("_"), unit
    return name, None


def _implied(name: str, column: str) -> str | None:
    """The unit of a name that is one itself, such as 斤; a price without a unit is in yuan."""
    unit = _UNITS_BY_WORD.get(name)
    if unit in UNITS.get(column, ()):
        return unit
    return "yuan" if column == "price_fen" else None


_OWN_NAMES: Final = {
    c.name: frozenset(map(folded, (c.name, c.title.zh, c.title.en))) for c in COLUMNS
}
_OTHER_NAMES: Final = {name: frozenset(words.split()) for name, words in _ALIASES.items()}
_UNITS_BY_WORD: Final = {word: unit for unit, words in _UNIT_WORDS.items() for word in words}
