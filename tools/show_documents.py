"""Make every document from the tests' samples, to be looked at: PDF, PNG of each page, HTML."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))


def main(folder: Path) -> None:
    """Write them into a folder."""
    from carbon.adapters.documents.certificate_pdf import certificate_sheet
    from carbon.adapters.documents.report_html import report_html
    from carbon.adapters.documents.report_pdf import report_sheet
    from carbon.adapters.documents.statement_pdf import statement_sheet
    from carbon.domain.errors import LANGS
    from document_samples import CERTIFICATE, REPORT, STATEMENT

    folder.mkdir(parents=True, exist_ok=True)
    for lang in LANGS:
        sheets = {
            "report": report_sheet(REPORT, lang),
            "certificate": certificate_sheet(CERTIFICATE, lang),
            "statement": statement_sheet(STATEMENT, lang),
        }
        for name, sheet in sheets.items():
            (folder / f"{name}-{lang}.pdf").write_bytes(sheet.pdf())
            for number, page in enumerate(sheet.pages(), start=1):
                (folder / f"{name}-{lang}-{number}.png").write_bytes(page)
        (folder / f"report-{lang}.html").write_text(report_html(REPORT, lang), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "documents"))
