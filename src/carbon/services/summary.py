"""The summary of a run: totals as sums of integers, intervals, reasons, and what it was made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carbon.domain.activity.record import CODES
from carbon.domain.errors import FAULTS, CarbonError
from carbon.domain.factors.table import FactorRow
from carbon.domain.period import day_date, month_name
from carbon.domain.quantification.engine import MEASURES, Engine
from carbon.domain.quantification.methodology import FLAG
from carbon.domain.quantification.uncertainty import (
    Interval,
    Product,
    TermSums,
    accumulate,
    drivers,
    intervals,
    products,
)
from carbon.ports import SUMMARY_VERSION, RecordSource

if TYPE_CHECKING:
    from carbon.services.quantify import Outcome

#: Factors named as what moves the answer.
DRIVERS = 15


@dataclass(frozen=True, slots=True)
class UncertaintyOptions:
    """Seed and number of draws. Raises ``option.range``."""

    seed: int = 20260101
    draws: int = 10_000

    def __post_init__(self) -> None:
        for option, value, low, high in (
            ("--seed", self.seed, 0, 2**63),
            ("--draws", self.draws, 100, 1_000_000),
        ):
            if not low <= value <= high:
                raise CarbonError("option.range", option=option, value=value, low=low, high=high)


class Tally:
    """Sums over the chunks of a run."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.rows = 0
        self.rejected = 0
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.flags: Counter[int] = Counter()
        self.totals: dict[int, np.ndarray] = {}
        self.channels: dict[int, np.ndarray] = {}
        self.terms = TermSums()

    def add(self, outcome: Outcome) -> None:
        """Add one chunk."""
        self.rows += outcome.rows
        self.rejected += outcome.rejected
        self.reasons.update(outcome.findings)
        self.flags.update(outcome.flags)
        accumulate(self.totals, outcome.totals)
        accumulate(self.channels, outcome.channels)
        self.terms.add(outcome.terms)

    def add_malformed(self, count: int) -> None:
        """Rows without a record are rejects too."""
        self.rows += count
        self.rejected += count
        if count:
            self.reasons["row.shape", ""] += count


def summarise(
    tally: Tally, source: RecordSource, uncertainty: UncertaintyOptions
) -> dict[str, object]:
    """The summary of a run as plain values, ready for JSON."""
    engine = tally.engine
    found = products(engine, tally.terms.sorted())
    spread = _spread(engine, found, uncertainty)
    total = _sums(tally.totals.values())
    conditions = engine.conditions
    return {
        "version": SUMMARY_VERSION,
        "methodology": engine.methodology.name,
        "title": {"zh": engine.methodology.title.zh, "en": engine.methodology.title.en},
        "formula": engine.methodology.formula,
        "catalogue": engine.catalogue.digest,
        "input": source.name,
        "input_digest": source.digest,
        "conditions": {
            "demonstration": conditions.demonstration,
            "as_of": _iso(conditions.as_of),
            "period": None if conditions.month is None else month_name(conditions.month),
            "computed_on": _iso(conditions.today),
        },
        "issuable_run": _may_issue(engine),
        "rows": tally.rows,
        "quantified": tally.rows - tally.rejected,
        "rejected": tally.rejected,
        "totals": total,
        "uncertainty": {
            "seed": uncertainty.seed,
            "draws": uncertainty.draws,
            "percentile": spread.percentile,
            **_interval(spread.whole),
            **_issuable(engine, total, spread),
        },
        "by_category": _by_category(engine, tally, spread),
        "by_item_type": _by_item_type(engine, tally),
        "by_month": _by_month(engine, tally),
        "by_category_month": _by_category_month(engine, tally),
        "by_channel": {
            CODES["channel"][cell].code: {"records": int(s[0]), "er_g": int(s[1])}
            for cell, s in sorted(tally.channels.items())
        },
        "reject_reasons": [
            {"code": code, "column": column, "count": count, **_what(code)}
            for (code, column), count in sorted(tally.reasons.items(), key=lambda r: (-r[1], r[0]))
        ],
        "flags": _flag_counts(tally.flags),
        "factor_rows": _factor_rows(found),
        "drivers": [
            {"id": d.row.id, "at_low_g": d.at_low_g, "at_high_g": d.at_high_g}
            for d in drivers(found)[:DRIVERS]
        ],
        "yardsticks": _yardsticks(engine),
    }


@dataclass(frozen=True, slots=True)
class _Spread:
    percentile: int
    whole: Interval
    parts: Mapping[str, Interval]


def _spread(engine: Engine, found: list[Product], options: UncertaintyOptions) -> _Spread:
    percentile = engine.policy_or("issuable_percentile", 33)
    groups = sorted({product.category for product in found})
    parts = intervals(
        found, seed=options.seed, draws=options.draws, groups=groups, policy=percentile
    )
    return _Spread(percentile, parts[""], parts)


def _may_issue(engine: Engine) -> bool:
    conditions = engine.conditions
    return engine.methodology.issues and not conditions.demonstration and conditions.as_of is None


def _issuable(engine: Engine, total: Mapping[str, int], spread: _Spread) -> dict[str, object]:
    """Clause 11.4: Σ er · min(1, percentile / Σ er); the ratio is shown in millionths."""
    er = total["er_g"]
    issuable = max(0, min(er, spread.whole.percentiles_g[spread.percentile]))
    return {
        "ratio_ppm": issuable * 1_000_000 // er if er > 0 else 0,
        "issuable_g": issuable if _may_issue(engine) else 0,
    }


def _interval(interval: Interval) -> dict[str, object]:
    return {
        "percentiles_g": {f"p{p}": g for p, g in sorted(interval.percentiles_g.items())},
        "sd_g": interval.sd_g,
        "analytic_sd_g": interval.analytic_sd_g,
    }


def _sums(rows: Iterable[np.ndarray]) -> dict[str, int]:
    total = np.zeros(len(MEASURES), np.int64)
    for row in rows:
        total = total + row
    return dict(zip(MEASURES, total.tolist(), strict=True))


def _grouped(engine: Engine, tally: Tally, key: object) -> dict[tuple[object, ...], dict[str, int]]:
    """Totals by a key of (month number, item)."""
    groups: dict[tuple[object, ...], list[np.ndarray]] = {}
    items = engine.catalogue.items
    for cell, sums in sorted(tally.totals.items()):
        month, item = divmod(cell, len(items))
        if sums[0]:
            groups.setdefault(key(month, items[item]), []).append(sums)  # type: ignore[operator]
    return {group: _sums(rows) for group, rows in groups.items()}


def _by_category(engine: Engine, tally: Tally, spread: _Spread) -> list[dict[str, object]]:
    groups = _grouped(engine, tally, lambda _, item: (item.category,))
    names = {c.category: c for c in engine.catalogue.categories}
    return [
        {
            "category": code,
            "zh": names[code].zh,
            "en": names[code].en,
            **groups[code,],
            **(_interval(spread.parts[code]) if code in spread.parts else {}),
        }
        for code in names
        if (code,) in groups
    ]


def _by_item_type(engine: Engine, tally: Tally) -> list[dict[str, object]]:
    groups = _grouped(engine, tally, lambda _, item: (item.item_type, item.zh, item.en))
    return [
        {"item_type": code, "zh": zh, "en": en, **sums} for (code, zh, en), sums in groups.items()
    ]


def _by_month(engine: Engine, tally: Tally) -> list[dict[str, object]]:
    groups = _grouped(engine, tally, lambda month, _: (month_name(month),))
    return [{"month": month, **sums} for (month,), sums in sorted(groups.items())]


def _by_category_month(engine: Engine, tally: Tally) -> list[dict[str, object]]:
    groups = _grouped(engine, tally, lambda month, item: (item.category, month_name(month)))
    return [
        {"category": category, "month": month, **sums}
        for (category, month), sums in sorted(groups.items())
    ]


def _what(code: str) -> dict[str, str]:
    fault = FAULTS[code]
    return {"zh": fault.what.zh, "en": fault.what.en}


def _flag_counts(flags: Counter[int]) -> dict[str, int]:
    return {
        name: count
        for name, bit in FLAG.items()
        if (count := sum(n for bits, n in flags.items() if bits & bit))
    }


def factor_fields(row: FactorRow) -> dict[str, str]:
    """A factor row as text, for traces and summaries."""
    return {
        "id": row.id,
        "value": str(row.value),
        "low": str(row.low),
        "high": str(row.high),
        "unit": row.unit,
        "grade": row.grade,
        "grade_reason": row.grade_reason,
        "boundary": row.boundary,
        "geography": row.geography,
        "rule": row.rule,
        "source": row.source,
        "clause": row.clause,
    }


def _factor_rows(found: list[Product]) -> list[dict[str, str]]:
    rows = {row.id: row for product in found for row in product.rows}
    return [factor_fields(rows[name]) for name in sorted(rows)]


def _yardsticks(engine: Engine) -> list[dict[str, str]]:
    """Published results for the same act, shown beside ours."""
    if "yardsticks" not in engine.catalogue.family_names:
        return []
    return [
        {**factor_fields(row), "key": row.key, "note": row.note, "title": _title(engine, row)}
        for row in engine.catalogue.rows
        if row.family == "yardsticks"
    ]


def _title(engine: Engine, row: FactorRow) -> str:
    return engine.catalogue.sources[row.source]["title"]


def _iso(day: int | None) -> str | None:
    return None if day is None else day_date(day).isoformat()
