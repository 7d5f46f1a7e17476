"""The verification statement (核查声明) of a monitoring report, with every field of TRUST V6."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from carbon.adapters.documents.amounts import PPM_PER_BASIS_POINT, kg, percent
from carbon.adapters.documents.form import limit_rows, moment, require
from carbon.adapters.documents.qr import qr_svg
from carbon.adapters.documents.typesetting import Sheet
from carbon.adapters.documents.words import (
    SAMPLE,
    STATEMENT_CODES,
    STATEMENT_FIELDS,
    STATEMENT_OPTIONAL,
    choose,
    named,
    words,
)
from carbon.domain.errors import CarbonError, Lang

#: Fields with a section of their own, besides the table.
_SECTIONS: Final = ("sample", "findings")
_GRAMS: Final = re.compile(r"0|-?[1-9][0-9]*")
_SHA256: Final = re.compile("[0-9a-f]{64}")


def statement_pdf(statement: Mapping[str, Any], lang: Lang) -> bytes:
    """The PDF of a statement, in one language.

    ``fields``: values by V6 name as they were signed, in the order to be printed: text, grams as
    decimal strings, basis points, lists of persons. The signed keys of sample and findings are not
    printed, but their summary: ``sample``, figures by name; ``findings``, mappings with ``class``,
    ``text`` and ``state``. ``signatures``: mappings with ``name``, ``role`` and ``key``;
    ``sha256``: of the statement's leaf or file; ``id``: the report's, where its field is a digest.
    Raises ``document.*``: a field of V6 that is missing is refused.
    """
    return statement_sheet(statement, lang).pdf()


def statement_sheet(statement: Mapping[str, Any], lang: Lang) -> Sheet:
    """The same, ready to be set."""
    require(statement, ("fields", "sample", "signatures", "sha256"))
    fields, findings = statement["fields"], statement.get("findings", [])
    require(fields, STATEMENT_FIELDS.keys() - {*_SECTIONS, *STATEMENT_OPTIONAL})
    limit_rows(fields=fields, findings=findings, signatures=statement["signatures"])
    if not _SHA256.fullmatch(statement["sha256"]):
        raise CarbonError("document.member", member="sha256")
    day = fields["date"][:10]
    return Sheet(
        "statement",
        lang,
        moment("date", f"{day}T12:00:00+08:00"),
        _content(statement, fields, findings, lang),
    )


def _content(
    statement: Mapping[str, Any],
    fields: Mapping[str, Any],
    findings: list[Mapping[str, str]],
    lang: Lang,
) -> dict[str, Any]:
    w = words(lang)
    return {
        "title": w["statement_title"],
        "id": statement.get("id", fields["report"]),
        "pilot": False,
        **_headline(fields, lang),
        "rows": [
            [named(STATEMENT_FIELDS, name, lang), _told(name, value, lang)]
            for name, value in fields.items()
            if name not in _SECTIONS
        ],
        "sample_title": choose(STATEMENT_FIELDS["sample"], lang),
        "sample": [
            [named(SAMPLE, name, lang), _told(name, value, lang)]
            for name, value in statement["sample"].items()
        ],
        "findings_title": choose(STATEMENT_FIELDS["findings"], lang),
        "findings": [
            [w.get(f["class"], f["class"]), f["text"], w.get(f.get("state", ""), "")]
            for f in findings
        ],
        "signatures": [
            [s["name"], w.get(s["role"], s["role"]), s["key"]] for s in statement["signatures"]
        ],
        "sha256": statement["sha256"],
        "qr": qr_svg(f"sha256:{statement['sha256']}"),
    }


def _headline(fields: Mapping[str, Any], lang: Lang) -> dict[str, str]:
    """What a reader looks for first: claimed, verified, opinion."""
    chosen = {"claimed": "claimed_g", "verified": "verified_g", "opinion": "opinion"}
    return {short: _told(name, fields[name], lang) for short, name in chosen.items()} | {
        f"{short}_label": choose(STATEMENT_FIELDS[name], lang) for short, name in chosen.items()
    }


def _told(name: str, value: Any, lang: Lang) -> str:
    """A value as a reader wants it: kilograms, a percentage, the words of a code, or itself."""
    if isinstance(value, int):
        return percent(value * PPM_PER_BASIS_POINT) if name == "materiality" else f"{value:,}"
    if isinstance(value, list):
        return ("；" if lang == "zh" else "; ").join(value)
    if name.endswith("_g") and _GRAMS.fullmatch(value):
        return f"{kg(value)} kg CO2e"
    return named(STATEMENT_CODES, value, lang)
