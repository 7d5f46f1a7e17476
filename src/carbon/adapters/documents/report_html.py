"""The monitoring report as one self-contained page, both languages a click apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from carbon.adapters.charts import BAR, ROW, WIDTH, page_templates
from carbon.adapters.documents.monitoring import (
    band_bars,
    category_bars,
    check_report,
    term_bars,
    told,
)
from carbon.adapters.documents.words import words
from carbon.domain.errors import LANGS, Lang


def report_html(report: Mapping[str, Any], lang: Lang) -> str:
    """The page of a monitoring report (version 1), which opens in ``lang``.

    It loads nothing, and each of its charts has a table. Raises ``document.*``.
    """
    check_report(report)
    views = {code: told(report, code) for code in LANGS}
    charts = {
        code: {
            "terms": term_bars(report, code),
            "band": band_bars(report, code),
            "categories": category_bars(report, code),
        }
        for code in LANGS
    }
    return (
        page_templates()
        .get_template("monitoring.html.j2")
        .render(
            views=views,
            words={code: words(code) for code in LANGS},
            charts=charts,
            lang=lang,
            width=WIDTH,
            row=ROW,
            bar=BAR,
        )
    )
