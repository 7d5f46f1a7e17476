"""The activity record: its columns, codes and limits, and a batch of them as numpy columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from carbon.domain.errors import Text
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.units import Code, Float, Int, Mask

Kind = Literal["text", "code", "number", "whole", "day"]

#: Codes below zero: the cell is empty, or holds something the vocabulary does not know.
MISSING, UNKNOWN = -1, -2

ID_LENGTH, NOTE_LENGTH = 64, 500

#: GB/T 2260 code of Hedong district, the prefix of its sites and part of its enterprises' codes.
HEDONG = "120102"


#: Why a record may be corrected; public, so a code and never free text.
CORRECTION_REASONS = (
    "returned",
    "entry_error",
    "duplicate",
    "disputed",
    "scale_fault",
    "factor_withdrawn",
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the canonical file. ``low`` and ``high`` bound numbers, both included."""

    name: str
    kind: Kind
    title: Text
    required: bool = False
    low: float = 0.0
    high: float = 0.0
    longest: int = ID_LENGTH


def _column(name: str, kind: Kind, zh: str, en: str, **limits: object) -> Column:
    return Column(name, kind, Text(zh, en), **limits)  # type: ignore[arg-type]  # plain keywords


COLUMNS = (
    _column("record_id", "text", "记录编号", "record id", required=True),
    _column("occurred_on", "day", "发生日期", "date of the act", required=True),
    _column("channel", "code", "渠道", "channel", required=True),
    _column("act", "code", "行为", "act", required=True),
    _column("item_type", "code", "物品类型", "item type", required=True),
    _column("quantity", "whole", "数量", "quantity", low=1, high=100_000),
    _column("mass_kg", "number", "质量", "mass (kg)", low=0.001, high=100_000),
    _column("condition", "code", "成色", "condition"),
    _column("age_years", "number", "已用年限", "age (years)", low=0, high=100),
    _column("price_fen", "whole", "价格(分)", "price (fen)", low=0, high=10**12),
    _column("process", "code", "整备", "preparation"),
    _column("transport_km", "number", "运输里程", "distance (km)", low=0, high=5_000),
    _column("transport_mode", "code", "运输方式", "mode of transport"),
    _column("destination", "code", "去向", "destination"),
    _column("evidence", "code", "证据等级", "evidence rung"),
    _column("item_id", "text", "物品编号", "item id"),
    _column("giver", "text", "交出方", "giver"),
    _column("receiver", "text", "接收方", "receiver"),
    _column("receiver_region", "code", "接收地", "receiver's region"),
    _column("returned_on", "day", "退货日期", "date of return"),
    _column("subsidised", "code", "国家补贴", "subsidised"),
    _column("site", "text", "站点", "site"),
    _column("enterprise", "text", "企业", "enterprise"),
    _column("note", "text", "备注", "note", longest=NOTE_LENGTH),
)
COLUMN: Mapping[str, Column] = {c.name: c for c in COLUMNS}


def folded(text: str) -> str:
    """The form under which names are compared.

    Trimmed, case-folded, full-width characters as half-width, inner spaces as ``_``.
    """
    return "_".join(unicodedata.normalize("NFKC", text).casefold().split())


class Vocabulary:
    """The codes of one column with the names people write for them.

    ``entries`` are ``(code, names)``; the position of a code is its number. ``otherwise`` decides
    about words that are no name (a foreign country's code, for example).
    """

    def __init__(
        self,
        entries: Iterable[tuple[str, Iterable[str]]],
        otherwise: Callable[[str], int] = lambda _: UNKNOWN,
    ) -> None:
        self.codes: list[str] = []
        self._numbers: dict[str, int] = {}
        self._otherwise = otherwise
        for number, (code, names) in enumerate(entries):
            self.codes.append(code)
            self._numbers.update((folded(n), number) for n in (code, *names) if n)

    def __len__(self) -> int:
        return len(self.codes)

    def number(self, word: str | None) -> int:
        """Number of a word; :data:`MISSING` if empty, :data:`UNKNOWN` if not in the table."""
        key = folded(word or "")
        if not key:
            return MISSING
        found = self._numbers.get(key)
        return self._otherwise(key) if found is None else found

    def __getitem__(self, code: str) -> int:
        return self.codes.index(code)


@dataclass(frozen=True, slots=True)
class Coded:
    """A code with its Chinese and English name and further words accepted for it."""

    code: str
    name: Text
    words: tuple[str, ...] = ()


def _coded(code: str, zh: str, en: str, *words: str) -> Coded:
    return Coded(code, Text(zh, en), words)


CODES: Mapping[str, tuple[Coded, ...]] = {
    "channel": (
        _coded("station", "社区站点", "community station", "站点"),
        _coded("shop", "循环商店", "circular shop", "商店"),
        _coded("market", "周末市集", "weekend flea market", "市集", "flea_market"),
        _coded("school", "校园共享", "school", "学校"),
        _coded("neighbourhood", "邻里共享", "neighbourhood sharing", "邻里", "neighborhood"),
        _coded("enterprise", "企业", "enterprise", "园区企业"),
        _coded("counter", "以旧换新柜台", "trade-in counter", "柜台"),
        _coded("repair_event", "维修活动", "repair event", "维修", "repair_cafe"),
    ),
    "act": (
        _coded("sale", "出售", "sale", "销售", "sold"),
        _coded("donation", "捐赠", "donation", "赠送", "gift"),
        _coded("share", "共享领用", "share", "共享"),
        _coded("trade_in", "以旧换新", "trade-in", "trade-in_resale"),
        _coded("repair", "维修", "repair", "fixed", "修好"),
        _coded("repair_failed", "未修好", "repair failed", "repairable", "end of life"),
        _coded("intake", "收取", "intake", "回收入站", "drop-off"),
    ),
    "condition": (
        _coded("new", "全新", "new", "十成新", "unused"),
        _coded("like_new", "九成新", "like new", "几乎全新"),
        _coded("good", "良好", "good", "八成新"),
        _coded("fair", "一般", "fair", "七成新", "used"),
        _coded("broken", "已损坏", "broken", "报废", "for parts"),
    ),
    "process": (
        _coded("none", "未整备", "none", "无"),
        _coded("light", "轻度整备", "light", "清洁检测"),
        _coded("full", "深度翻新", "full", "翻新"),
        _coded("service", "保养", "service"),
    ),
    "transport_mode": (
        _coded("hand", "当面交接", "handed over", "自提步行", "walk", "none"),
        _coded("home_delivery", "快递到家", "home delivery", "快递"),
        _coded("pickup_point_car", "驾车到自提点", "pick-up point by car"),
        _coded("pickup_point_foot", "步行到自提点", "pick-up point on foot"),
        _coded("shop_car", "驾车到店", "shop trip by car"),
        _coded("collection", "集中收运", "collection round", "收运"),
        _coded("truck", "柴油货车", "diesel truck", "货车"),
        _coded("truck_light", "轻型货车", "light truck"),
        _coded("truck_medium", "中型货车", "medium truck"),
        _coded("truck_heavy", "重型货车", "heavy truck"),
        _coded("truck_electric", "电动货车", "electric truck"),
        _coded("rail", "铁路", "rail"),
        _coded("air", "航空", "air"),
    ),
    "destination": (
        _coded("reuse", "再使用", "re-used", "reused"),
        _coded("fibre", "再生", "recycled", "fiber", "recycling"),
        _coded("disposal", "焚烧填埋", "disposed", "landfill", "incineration"),
        _coded("lost", "遗失", "lost"),
        _coded("export", "出口", "exported"),
    ),
    "evidence": (
        _coded("certified_scale", "检定秤与签名设备", "certified scale and signed device"),
        _coded("staff_photo", "员工称重与照片", "staff weighing and photo"),
        _coded("self_report", "自行申报", "self-report", "self"),
    ),
    "subsidised": (
        _coded("no", "否", "no", "false", "0", "n"),
        _coded("yes", "是", "yes", "true", "1", "y"),
    ),
}

#: Province-level divisions of mainland China: GB/T 2260 code, names, ISO 3166-2 code.
_PROVINCES = (
    "110000 北京 Beijing CN-BJ",
    "120000 天津 Tianjin CN-TJ",
    "130000 河北 Hebei CN-HE",
    "140000 山西 Shanxi CN-SX",
    "150000 内蒙古 Inner_Mongolia CN-NM",
    "210000 辽宁 Liaoning CN-LN",
    "220000 吉林 Jilin CN-JL",
    "230000 黑龙江 Heilongjiang CN-HL",
    "310000 上海 Shanghai CN-SH",
    "320000 江苏 Jiangsu CN-JS",
    "330000 浙江 Zhejiang CN-ZJ",
    "340000 安徽 Anhui CN-AH",
    "350000 福建 Fujian CN-FJ",
    "360000 江西 Jiangxi CN-JX",
    "370000 山东 Shandong CN-SD",
    "410000 河南 Henan CN-HA",
    "420000 湖北 Hubei CN-HB",
    "430000 湖南 Hunan CN-HN",
    "440000 广东 Guangdong CN-GD",
    "450000 广西 Guangxi CN-GX",
    "460000 海南 Hainan CN-HI",
    "500000 重庆 Chongqing CN-CQ",
    "510000 四川 Sichuan CN-SC",
    "520000 贵州 Guizhou CN-GZ",
    "530000 云南 Yunnan CN-YN",
    "540000 西藏 Tibet CN-XZ",
    "610000 陕西 Shaanxi CN-SN",
    "620000 甘肃 Gansu CN-GS",
    "630000 青海 Qinghai CN-QH",
    "640000 宁夏 Ningxia CN-NX",
    "650000 新疆 Xinjiang CN-XJ",
)
_ABROAD = ("710000", "810000", "820000", "TWN", "HKG", "MAC")


def _province(line: str) -> Coded:
    code, zh, en, iso = line.split()
    suffixes = ("市", "省", "自治区", "壮族自治区", "回族自治区", "维吾尔自治区")
    name = Text(zh, en.replace("_", " "))
    return Coded(code, name, (code[:2], iso, *(zh + s for s in suffixes)))


REGIONS = (
    *(_province(line) for line in _PROVINCES),
    Coded("abroad", Text("境外及港澳台", "outside mainland China"), _ABROAD),
)


def _region_otherwise(word: str) -> int:
    """Three Latin letters are a country (ISO 3166-1 alpha-3): outside mainland China."""
    is_country = re.fullmatch("[a-z]{3}", word) and word != "chn"
    return len(REGIONS) - 1 if is_country else UNKNOWN


def _vocabulary(entries: Iterable[Coded], otherwise: Callable[[str], int]) -> Vocabulary:
    rows = ((e.code, (e.name.zh, e.name.en, *e.words)) for e in entries)
    return Vocabulary(rows, otherwise)


#: Vocabularies that do not depend on the factor tables (those add ``item_type``).
FIXED_VOCABULARIES: Mapping[str, Vocabulary] = {
    **{name: _vocabulary(entries, lambda _: UNKNOWN) for name, entries in CODES.items()},
    "receiver_region": _vocabulary(REGIONS, _region_otherwise),
}


def vocabularies(catalogue: Catalogue) -> Mapping[str, Vocabulary]:
    """The vocabulary of every code column; item types and their names come from the catalogue."""
    items = Vocabulary((i.item_type, (i.zh, i.en, *i.aliases)) for i in catalogue.items)
    return {**FIXED_VOCABULARIES, "item_type": items}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault in some rows of a batch.

    ``rows``: positions in the batch; ``detail``: per row, the factor row that explains it, or
    ``None`` where the code says it all.
    """

    code: str
    column: str
    rows: Int
    detail: Code | None = None


@dataclass(slots=True)
class Batch:
    """Equal-length numpy columns of records, already typed.

    ``row``: shape ``(n,)`` int64, the row in the user's file (the first data row is 2).
    ``codes``: int32 numbers of each code column's vocabulary, :data:`MISSING` or
    :data:`UNKNOWN` below zero. ``numbers``: float64, NaN where missing. ``days``: int32 day
    numbers, ``NO_DAY`` where missing. ``has_item_id``, ``in_hedong``: masks.
    ``findings``: what could not be read.

    Raises ``ValueError`` where the columns differ in length: shape faults stop here, never
    inside a formula.
    """

    row: Int
    codes: dict[str, Code]
    numbers: dict[str, Float]
    days: dict[str, Code]
    has_item_id: Mask
    in_hedong: Mask
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        coded = {len(column) for column in (*self.codes.values(), *self.days.values())}
        others = {len(column) for column in self.numbers.values()}
        lengths = coded | others | {len(self.has_item_id), len(self.in_hedong)}
        if lengths - {len(self.row)}:
            raise ValueError(f"columns of {sorted(lengths)} rows, not {len(self.row)}")

    def __len__(self) -> int:
        return len(self.row)
