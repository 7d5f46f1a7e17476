"""The monitoring report as an archival PDF, the report's own JSON inside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from carbon.adapters.charts import WIDTH, Bar
from carbon.adapters.documents.monitoring import (
    band_bars,
    category_bars,
    check_report,
    term_bars,
    told,
)
from carbon.adapters.documents.typesetting import Attachment, Sheet
from carbon.adapters.documents.words import words
from carbon.domain.errors import Lang
from carbon.domain.log.leaf import canonical
from carbon.domain.period import Period

#: China keeps one time, so that the end of a month needs no zone database here.
_CHINA: Final = timezone(timedelta(hours=8))


def report_pdf(report: Mapping[str, Any], lang: Lang) -> bytes:
    """The PDF of a monitoring report (version 1), in one language. Raises ``document.*``."""
    return report_sheet(report, lang).pdf()


def report_sheet(report: Mapping[str, Any], lang: Lang) -> Sheet:
    """The same, ready to be set; its moment is noon of the period’s last day."""
    check_report(report)
    day = Period.parse(report["period"]).last_day
    view = told(report, lang)
    bars = {
        "term_bars": _drawn(term_bars(report, lang), view["terms"]),
        "band_bars": _drawn(band_bars(report, lang), view["band"]),
        "category_bars": _drawn(category_bars(report, lang), view["categories"]),
    }
    at = datetime(day.year, day.month, day.day, 12, tzinfo=_CHINA)
    json_ = Attachment(
        "report.json",
        canonical(report, None).decode(),
        "application/json",
        words(lang)["report_title"],
    )
    return Sheet("report", lang, at, view | bars, attachments=(json_,))


def _drawn(bars: Sequence[Bar], rows: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Bars as shares of the width, each with its figure as the table has it."""
    return [
        {
            "label": bar.label,
            "x0": bar.x0 / WIDTH,
            "x1": bar.x1 / WIDTH,
            "kind": bar.kind,
            "value": row[1],
            "band": None if bar.low is None else [bar.low / WIDTH, (bar.high or 0) / WIDTH],
        }
        for bar, row in zip(bars, rows, strict=True)
    ]
