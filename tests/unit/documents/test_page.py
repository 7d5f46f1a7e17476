"""The page of a monitoring report."""

from __future__ import annotations

import re
from copy import deepcopy

import pytest

from carbon.adapters.documents.report_html import report_html
from carbon.adapters.documents.words import CLAIM
from carbon.domain.errors import LANGS, CarbonError
from document_samples import REPORT


def test_the_page_loads_nothing_and_runs_nothing():
    page = report_html(REPORT, "zh")
    assert not re.search(
        r"https?:|//[a-z]|<script|<img|<link(?! rel=\"icon\" href=\"data:,\")|@import|url\(", page
    )


@pytest.mark.parametrize("lang", LANGS)
def test_it_opens_in_the_wanted_language_and_holds_both(lang):
    page = report_html(REPORT, lang)
    assert f'id="{lang}" checked' in page
    for claim in CLAIM:
        assert claim in page
    for title in REPORT["project"]["title"].values():
        assert title in page


def test_every_chart_has_a_table_with_its_figures():
    """Three charts in two languages, each followed by a table of as many rows as bars."""
    page = report_html(REPORT, "zh")
    charts = re.findall(r"<svg.*?</svg>\s*<details>.*?</details>", page, re.DOTALL)
    assert len(charts) == page.count("<svg") == 6
    for chart in charts:
        assert re.search(r'role="img" aria-label="[^"]+"', chart)
        assert chart.count("<rect") == chart.count("<tr><td")
    assert sum("1,813.890" in chart for chart in charts) == 2


def test_bars_stay_inside_the_drawing():
    for rect in re.findall(r"<rect[^>]*>", report_html(REPORT, "en")):
        x, width = (float(re.search(rf'{name}="([-\d.]+)"', rect)[1]) for name in (" x", "width"))
        assert x >= 0
        assert x + width <= 720.11


def test_names_are_escaped():
    report = deepcopy(REPORT)
    report["project"]["title"]["zh"] = "<b>x</b>{{ 7*7 }}"
    report["cells"][0]["zh"] = '"><script>'
    page = report_html(report, "zh")
    assert "<b>x</b>" not in page
    assert "<script" not in page
    assert "&lt;b&gt;x&lt;/b&gt;{{ 7*7 }}" in page


def test_a_report_of_losses_is_drawn():
    """Nothing divides by nothing, and a negative total keeps its sign."""
    report = deepcopy(REPORT) | {"cells": [], "baselines": [], "left_out": {}, "factor_rows": []}
    report["totals"] = dict.fromkeys(report["totals"], "0")
    report["uncertainty"] |= {"percentiles_g": dict.fromkeys(("p5", "p33"), "-500"), "ratio_ppm": 0}
    assert "-0.500" in report_html(report, "zh")


def test_a_report_too_long_for_paper_is_refused():
    with pytest.raises(CarbonError) as refused:
        report_html(REPORT | {"factor_rows": ["f"] * 2_001}, "zh")
    assert refused.value.code == "document.rows"
