"""A monitoring report as its page and its PDF tell it: rows, bars and sums, written out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from carbon.adapters.charts import ROW, Bar, scale
from carbon.adapters.documents.amounts import PPM_PER_BASIS_POINT, kg, percent
from carbon.adapters.documents.form import limit_rows, require
from carbon.adapters.documents.project import is_pilot, project_rows, project_title
from carbon.adapters.documents.words import evidence, words
from carbon.domain.errors import CarbonError, Lang

VERSION: Final = 1
_NEEDED: Final = (
    "project period leaves checkpoint methodology records totals cells uncertainty pending_g "
    "below_baseline_g deficit_in_g reported_g deficit_out_g"
).split()
_TERMS: Final = (("be", 1), ("pe", -1), ("u", -1), ("le", -1))
_GRAMS_PER_KG: Final = 1_000
#: A bar this wide in SVG units is a mark on the band of percentiles.
_MARK: Final = 4


def check_report(report: Mapping[str, Any]) -> None:
    """Raise ``document.version``, ``document.member`` or ``document.rows``."""
    if report.get("version") != VERSION:
        raise CarbonError("document.version", value=report.get("version"), known=VERSION)
    require(report, _NEEDED)
    limit_rows(cells=report["cells"], factor_rows=report.get("factor_rows", []))


def told(report: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    """Everything a reader sees, in one language, but for the labels of :mod:`words`."""
    project = report["project"]
    return {
        "title": words(lang)["report_title"],
        "id": report_name(report),
        "project_title": project_title(project, lang),
        "pilot": is_pilot(project["status"]),
        "methodology": report["methodology"],
        "period": report["period"],
        "facts": _facts(report, lang),
        "project": project_rows(project, lang),
        "terms": _term_rows(report, lang),
        "balance": _balance(report, lang),
        "band": _band_rows(report, lang),
        "draws": _draws(report, lang),
        "cells": [_cell(cell, lang) for cell in report["cells"]],
        "categories": _category_rows(report, lang),
        "baselines": _baselines(report, lang),
        "left_out": _left_out(report, lang),
        "basis": _basis(report, lang),
        "factor_rows": list(report.get("factor_rows", [])),
    }


def report_name(report: Mapping[str, Any]) -> str:
    """The report's id: project, month, leaves."""
    leaves = report["leaves"]
    made = f"{report['project']['id']}/{report['period']}/{leaves['from']}-{leaves['to']}"
    return str(report.get("id") or made)


def _facts(report: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    """The figures at the head of the report; the first is the largest."""
    w, uncertainty = words(lang), report["uncertainty"]
    facts = [[w["reported"], f"{kg(report['reported_g'])} kg CO2e"]]
    if "issuable_g" in report:
        facts.append([w["issuable"], f"{kg(report['issuable_g'])} kg CO2e"])
    return [
        *facts,
        [w["net"], f"{kg(report['totals']['er_g'])} kg CO2e"],
        [w["records"], f"{report['records']:,}"],
        [w["ratio"], percent(uncertainty["ratio_ppm"])],
    ]


def _term_rows(report: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    w, totals = words(lang), report["totals"]
    rows = [[w[name], kg(sign * int(totals[f"{name}_g"]))] for name, sign in _TERMS]
    return [*rows, [w["net"], kg(totals["er_g"])]]


def term_bars(report: Mapping[str, Any], lang: Lang) -> list[Bar]:
    """From baseline to net reduction, step by step."""
    w, totals = words(lang), report["totals"]
    level, steps = 0.0, []
    for name, sign in _TERMS:
        step = sign * int(totals[f"{name}_g"]) / _GRAMS_PER_KG
        steps.append((w[name], level, level + step, "net" if sign > 0 else "loss"))
        level += step
    steps.append((w["net"], 0.0, int(totals["er_g"]) / _GRAMS_PER_KG, "total"))
    origin, per_kg = scale([edge for _, *edges, _ in steps for edge in edges])
    return [
        _bar(place, label, origin + min(a, b) * per_kg, origin + max(a, b) * per_kg, b - a, kind)
        for place, (label, a, b, kind) in enumerate(steps)
    ]


def _bar(place: int, label: str, x0: float, x1: float, kg_: float, kind: str) -> Bar:
    return Bar(label, x0, x1, place * ROW, None, None, kg_, kind)


def _balance(report: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    """Credited and carried make up what is reported; the rest says where other grams stay."""
    w = words(lang)
    credited = sum(int(cell["credited_g"]) for cell in report["cells"])
    rows = [[w["credited_sum"], kg(credited)]]
    names = "deficit_in reported deficit_out pending below_baseline".split()
    return rows + [[w[name], kg(report[f"{name}_g"])] for name in names]


def _percentiles(report: Mapping[str, Any], lang: Lang) -> list[tuple[str, int, str]]:
    """Label, grams and kind of every percentile, the issuing one named as such."""
    w, uncertainty = words(lang), report["uncertainty"]
    found = sorted((int(name[1:]), int(g)) for name, g in uncertainty["percentiles_g"].items())
    issuing = uncertainty["percentile"]
    rows = [
        (
            w["issuing_percentile" if n == issuing else "percentile"].format(n=n),
            grams,
            "net" if n == issuing else "other",
        )
        for n, grams in found
    ]
    return [*rows, (w["best_estimate"], int(report["totals"]["er_g"]), "total")]


def _band_rows(report: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    return [[label, kg(grams)] for label, grams, _ in _percentiles(report, lang)]


def band_bars(report: Mapping[str, Any], lang: Lang) -> list[Bar]:
    """A mark for each percentile on the span from the lowest to the highest of them."""
    marks = _percentiles(report, lang)
    origin, per_kg = scale([grams / _GRAMS_PER_KG for _, grams, _ in marks])
    places = [origin + grams / _GRAMS_PER_KG * per_kg for _, grams, _ in marks]
    low, high = min(places[:-1]), max(places[:-1])
    return [
        Bar(
            label,
            max(0.0, place - _MARK),
            max(0.0, place - _MARK) + _MARK,
            row * ROW,
            low,
            high,
            grams / _GRAMS_PER_KG,
            kind,
        )
        for row, ((label, grams, kind), place) in enumerate(zip(marks, places, strict=True))
    ]


def _draws(report: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    w, uncertainty = words(lang), report["uncertainty"]
    return [
        [w["draws"], f"{uncertainty['draws']:,}"],
        [w["seed"], str(uncertainty["seed"])],
        [w["ratio"], percent(uncertainty["ratio_ppm"])],
    ]


def _by_category(report: Mapping[str, Any], lang: Lang) -> list[tuple[str, int]]:
    """Name and credited grams, the largest first."""
    grams: dict[str, int] = defaultdict(int)
    for cell in report["cells"]:
        grams[cell[lang]] += int(cell["credited_g"])
    return sorted(grams.items(), key=lambda found: (-found[1], found[0]))


def _category_rows(report: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    return [[name, kg(grams)] for name, grams in _by_category(report, lang)]


def category_bars(report: Mapping[str, Any], lang: Lang) -> list[Bar]:
    """Credited grams of each category."""
    found = [(name, grams / _GRAMS_PER_KG) for name, grams in _by_category(report, lang)]
    origin, per_kg = scale([amount for _, amount in found])
    return [
        _bar(
            place,
            name,
            origin + min(0.0, amount) * per_kg,
            origin + max(0.0, amount) * per_kg,
            amount,
            "net" if amount >= 0 else "loss",
        )
        for place, (name, amount) in enumerate(found)
    ]


def _cell(cell: Mapping[str, Any], lang: Lang) -> list[str]:
    return [
        cell[lang],
        evidence(cell["evidence"], lang),
        f"{cell['records']:,}",
        _volume(cell, lang),
        kg(cell["positive_g"]),
        kg(cell["negative_g"]),
        percent(cell["share_ppm"]),
        percent(cell["tradable_ppm"]),
        kg(cell["credited_g"]),
    ]


def _volume(cell: Mapping[str, Any], lang: Lang) -> str:
    """By the baseline's measure; without one, what was counted, else what was weighed."""
    if "volume" in cell:
        return _measured(cell["volume"], cell["measure"], lang)
    if int(cell["pieces"]):
        return _measured(cell["pieces"], "piece", lang)
    return f"{kg(cell['mass_g'])} kg"


def _measured(volume: str, measure: str, lang: Lang) -> str:
    return f"{int(volume):,} {words(lang)[measure]}"


def _baselines(report: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    names = {cell["category"]: cell[lang] for cell in report["cells"]}
    return [
        [
            names.get(b["category"], b["category"]),
            _baseline(b, lang),
            _measured(b["volume"], b["measure"], lang),
            percent(b["tradable_ppm"]),
        ]
        for b in report.get("baselines", [])
    ]


def _baseline(baseline: Mapping[str, Any], lang: Lang) -> str:
    """A mean volume, or a newcomer's rate."""
    if "monthly" in baseline:
        return _measured(baseline["monthly"], baseline["measure"], lang)
    return f"{percent(baseline['rate_bp'] * PPM_PER_BASIS_POINT)} ({words(lang)['rate']})"


def _left_out(report: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    w = words(lang)
    other = {"methodology": w["other_methodology"]}
    found: Mapping[str, int] = report.get("left_out", {})
    return [[other.get(why) or w.get(why, why), f"{n:,}"] for why, n in found.items()]


def _basis(report: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    w, leaves, checkpoint = words(lang), report["leaves"], report["checkpoint"]
    return [
        [w["report_id"], report_name(report)],
        [w["leaves"], f"{leaves['from']} – {leaves['to']}"],
        [w["checkpoint"], checkpoint["origin"]],
        [w["tree_size"], str(checkpoint["size"])],
        [w["root"], checkpoint["root"]],
        *_hashes(w["formula"], report.get("formulas", [])),
        *_hashes(w["catalogue"], report.get("catalogues", [])),
    ]


def _hashes(label: str, found: Sequence[str]) -> list[list[str]]:
    return [[label, value] for value in found]
