"""The verification statement (核查声明) of a monitoring report, with every field of TRUST V6."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from carbon.adapters.documents.amounts import kg
from carbon.adapters.documents.form import limit_rows, moment, require
from carbon.adapters.documents.qr import qr_svg
from carbon.adapters.documents.typesetting import Sheet
from carbon.adapters.documents.words import SAMPLE, STATEMENT_FIELDS, choose, named, words
from carbon.domain.errors import CarbonError, Lang

#: Fields with a section of their own, besides the table.
_SECTIONS: Final = ("sample", "findings")
_GRAMS: Final = re.compile(r"0|-?[1-9][0-9]*")
_SHA256: Final = re.compile("[0-9a-f]{64}")


def statement_pdf(statement: Mapping[str, Any], lang: Lang) -> bytes:
    """The PDF of a statement, in one language.

    ``fields``: text by V6 name, in the order to be printed, grams as decimal strings; ``sample``:
    figures by name; ``findings``: mappings with ``class``, ``text`` and ``state``; ``signatures``:
    mappings with ``name``, ``role`` and ``key``; ``sha256``: of the statement's leaf or file.
    Raises ``document.*``: a field of V6 that is missing is refused.
    """
    return statement_sheet(statement, lang).pdf()


def statement_sheet(statement: Mapping[str, Any], lang: Lang) -> Sheet:
    """The same, ready to be set."""
    require(statement, ("fields", "sample", "signatures", "sha256"))
    fields, findings = statement["fields"], statement.get("findings", [])
    require(fields, [name for name in STATEMENT_FIELDS if name not in _SECTIONS])
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
    fields: Mapping[str, str],
    findings: list[Mapping[str, str]],
    lang: Lang,
) -> dict[str, Any]:
    w = words(lang)
    return {
        "title": w["statement_title"],
        "id": fields["report"],
        "pilot": False,
        **_headline(fields, lang),
        "rows": [
            [named(STATEMENT_FIELDS, name, lang), _amount(text) if name.endswith("_g") else text]
            for name, text in fields.items()
        ],
        "sample_title": choose(STATEMENT_FIELDS["sample"], lang),
        "sample": [
            [named(SAMPLE, name, lang), _amount(str(value)) if name.endswith("_g") else str(value)]
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


def _headline(fields: Mapping[str, str], lang: Lang) -> dict[str, str]:
    """What a reader looks for first: claimed, verified, opinion."""
    chosen = {"claimed": "claimed_g", "verified": "verified_g", "opinion": "opinion"}
    return {short: _amount(fields[name]) for short, name in chosen.items()} | {
        f"{short}_label": choose(STATEMENT_FIELDS[name], lang) for short, name in chosen.items()
    }


def _amount(text: str) -> str:
    """Grams as kilograms; a text that is no number stays as it is."""
    return f"{kg(text)} kg CO2e" if _GRAMS.fullmatch(text) else text
