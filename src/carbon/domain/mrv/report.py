"""The monitoring report (监测报告): everything a project published for a month, as one document.

A function of published files, the registered project and a carried deficit alone, so that its JSON
can be rebuilt byte for byte. All shares are parts per million and all steps integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.log.leaf import canonical
from carbon.domain.mrv.monitored import Cell, Monitored, Scope
from carbon.domain.quantification.uncertainty import intervals

VERSION: Final = 1
MILLION: Final = 1_000_000
_BASIS: Final = 10_000
#: Seed and number of draws of every report: fixed, so that nobody tries seeds.
SEED, DRAWS = 20260101, 10_000
_GRAMS_PER_KG: Final = 1_000


@dataclass(frozen=True, slots=True)
class Baseline:
    """A category's registered volume: only what is above it is tradable (额外性).

    ``monthly``: pieces or kilograms of a mean month; or ``rate_bp``, a newcomer's common-practice
    share of its own volume.
    """

    category: str
    measure: str
    monthly: int | None
    rate_bp: int | None

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Baseline:
        """From a registered project's content."""
        monthly = content.get("monthly")
        return cls(
            content["category"],
            content["measure"],
            None if monthly is None else int(monthly),
            content.get("rate_bp"),
        )

    @property
    def in_pieces(self) -> bool:
        """Counted, not weighed."""
        return self.measure == "piece"

    def volume(self, cell: Cell) -> int:
        """A cell's volume, in pieces or grams."""
        return cell.pieces if self.in_pieces else cell.mass_g

    def tradable_ppm(self, volume: int) -> int:
        """Share of a month's volume above the baseline, rounded down."""
        if self.rate_bp is not None:
            return MILLION * (_BASIS - self.rate_bp) // _BASIS
        below = (self.monthly or 0) * (1 if self.in_pieces else _GRAMS_PER_KG)
        return MILLION * max(0, volume - below) // volume if volume else 0


@dataclass(frozen=True, slots=True)
class Credited:
    """What one cell earns, in grams: ``credited`` now, ``pending`` better evidence, ``below`` the
    baseline. Losses count whole: no share makes them smaller.
    """

    credited_g: int
    pending_g: int
    below_g: int


def credit(cell: Cell, baseline: Baseline | None, share_ppm: int, tradable_ppm: int) -> Credited:
    """Apply baseline, then rung; a record without the baseline's measure lies below it."""
    unmeasured = 0
    if baseline is not None and baseline.monthly is not None:
        unmeasured = cell.no_pieces_g if baseline.in_pieces else cell.no_mass_g
    tradable = (cell.positive_g - unmeasured) * tradable_ppm // MILLION
    gained = tradable * share_ppm // MILLION
    return Credited(gained + cell.negative_g, tradable - gained, cell.positive_g - tradable)


def evidence_ppm(catalogue: Catalogue, rung: str, scope: Scope) -> int:
    """Share of a rung of the evidence ladder, by the policy of the period's last day."""
    return int(policy(catalogue, f"evidence_share/{rung}", scope) * MILLION)


def policy(catalogue: Catalogue, key: str, scope: Scope) -> Decimal:
    """A policy value of the period's last day. Raises ``report.policy`` where there is none."""
    row = catalogue.find("policy", key, scope.period.last_day).row
    if row is None or row.value is None:
        raise CarbonError("report.policy", key=key, day=scope.period.last_day)
    return row.value


def monitoring_report(
    found: Monitored,
    scope: Scope,
    project: Mapping[str, Any],
    checkpoint: Mapping[str, Any],
    deficit_in_g: int,
    part: int,
) -> dict[str, Any]:
    """The report as plain values; grams are decimal strings.

    ``part``: its number among the month's reports; ``project``: the registered one, as
    :meth:`Project.published` tells it; ``checkpoint``: origin, size and root of the tree it was
    read from; ``deficit_in_g``: carried, never positive. Raises ``report.empty`` for a period
    without a record that counts.
    """
    if found.last is None:
        raise CarbonError("report.empty", project=scope.project, month=scope.period)
    baselines = {b["category"]: Baseline.of(b) for b in project["baselines"]}
    volumes = _volumes(found.cells, baselines)
    cells, sums = _cells(found, scope, baselines, volumes)
    total = sums.credited_g + deficit_in_g
    told = {
        "version": VERSION,
        "id": report_id(scope.project, str(scope.period), part),
        "part": part,
        "project": dict(project),
        "period": str(scope.period),
        "leaves": {"from": scope.first, "to": scope.end},
        "known": scope.known,
        "checkpoint": dict(checkpoint),
        "methodology": scope.methodology,
        "formulas": list(found.formulas),
        "catalogues": list(found.catalogues),
        "records": len(found.er_g),
        "totals": {name: str(grams) for name, grams in found.totals.items()},
        "left_out": dict(found.left_out),
        "cells": cells,
        "baselines": [
            _told(baseline, volumes[category])
            for category, baseline in sorted(baselines.items())
            if category in volumes
        ],
        "pending_g": str(sums.pending_g),
        "below_baseline_g": str(sums.below_g),
        "deficit_in_g": str(deficit_in_g),
        "reported_g": str(max(0, total)),
        "deficit_out_g": str(min(0, total)),
        "uncertainty": _uncertainty(found, found.last, scope),
        "factor_rows": sorted({row.id for product in found.products for row in product.rows}),
    }
    return {**told, "issuable_g": str(issuable_g(told, max(0, total)))}


def report_id(project: str, month: str, part: int) -> str:
    """``p1/2026-10/0``: the id of a report, and of what is decided on it."""
    return f"{project}/{month}/{part}"


def report_bytes(report: Mapping[str, Any]) -> bytes:
    """The report's file: canonical JSON, whose SHA-256 the leaf names."""
    return canonical(report, None)


def _volumes(
    cells: Mapping[tuple[str, str], Cell], baselines: Mapping[str, Baseline]
) -> dict[str, int]:
    volumes: dict[str, int] = {}
    for (category, _), cell in cells.items():
        if category in baselines:
            own = baselines[category].volume(cell)
            volumes[category] = volumes.get(category, 0) + own
    return volumes


def _cells(
    found: Monitored,
    scope: Scope,
    baselines: Mapping[str, Baseline],
    volumes: Mapping[str, int],
) -> tuple[list[dict[str, Any]], Credited]:
    """Every cell as told, and the sums of what they earn.

    A category without a registered baseline has nothing above one.
    """
    assert found.last is not None  # noqa: S101  the caller has refused an empty period
    names = {c.category: c for c in found.last.categories}
    listed, earned = [], []
    for (category, rung), cell in found.cells.items():
        baseline = baselines.get(category)
        tradable = 0 if baseline is None else baseline.tradable_ppm(volumes[category])
        share = evidence_ppm(found.last, rung, scope)
        own = credit(cell, baseline, share, tradable)
        earned.append(own)
        listed.append(
            {
                "category": category,
                "zh": names[category].zh,
                "en": names[category].en,
                "evidence": rung,
                "records": cell.records,
                **_volume_told(cell, baseline),
                "positive_g": str(cell.positive_g),
                "negative_g": str(cell.negative_g),
                "share_ppm": share,
                "tradable_ppm": tradable,
                "credited_g": str(own.credited_g),
                "pending_g": str(own.pending_g),
                "below_baseline_g": str(own.below_g),
            }
        )
    return listed, _sum(earned)


def _volume_told(cell: Cell, baseline: Baseline | None) -> dict[str, str]:
    """A cell's volume in the baseline's measure; by pieces where none is registered."""
    if baseline is None or baseline.in_pieces:
        return {"measure": "piece", "volume": str(cell.pieces)}
    return {"measure": baseline.measure, "volume": str(cell.mass_g // _GRAMS_PER_KG)}


def _sum(parts: Iterable[Credited]) -> Credited:
    listed = list(parts)
    return Credited(
        sum(p.credited_g for p in listed),
        sum(p.pending_g for p in listed),
        sum(p.below_g for p in listed),
    )


def _told(baseline: Baseline, volume: int) -> dict[str, Any]:
    monthly = None if baseline.monthly is None else str(baseline.monthly)
    return {
        "category": baseline.category,
        "measure": baseline.measure,
        **({"rate_bp": baseline.rate_bp} if monthly is None else {"monthly": monthly}),
        "volume": str(volume if baseline.in_pieces else volume // _GRAMS_PER_KG),
        "tradable_ppm": baseline.tradable_ppm(volume),
    }


def _uncertainty(found: Monitored, catalogue: Catalogue, scope: Scope) -> dict[str, Any]:
    percentile = int(policy(catalogue, "issuable_percentile", scope))
    groups = sorted({product.category for product in found.products})
    parts = intervals(found.products, seed=SEED, draws=DRAWS, groups=groups, policy=percentile)
    whole, total = parts[""], found.totals["er_g"]
    chosen = max(0, min(total, whole.percentiles_g[percentile]))
    return {
        "seed": SEED,
        "draws": DRAWS,
        "percentile": percentile,
        "percentiles_g": {f"p{p}": str(g) for p, g in sorted(whole.percentiles_g.items())},
        "ratio_ppm": chosen * MILLION // total if total > 0 else 0,
    }


def percentile_g(report: Mapping[str, Any]) -> int:
    """The percentile the bureau issues by, in grams."""
    uncertainty = report["uncertainty"]
    return int(uncertainty["percentiles_g"][f"p{uncertainty['percentile']}"])


def issuable_g(report: Mapping[str, Any], verified_g: int) -> int:
    """Grams that may be issued, before the carry: verified × min(1, percentile / Σ er)."""
    total = int(report["totals"]["er_g"])
    if total <= 0 or verified_g <= 0:
        return 0
    return verified_g * max(0, min(total, percentile_g(report))) // total
