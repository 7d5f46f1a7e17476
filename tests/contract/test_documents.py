"""Documents of what the system really publishes: a pilot's report and its statement."""

from __future__ import annotations

import io
from hashlib import sha256

from pypdf import PdfReader

from carbon.adapters.documents.amounts import kg
from carbon.adapters.documents.report_html import report_html
from carbon.adapters.documents.report_pdf import report_pdf
from carbon.adapters.documents.statement_pdf import statement_pdf
from pilot import DESIGN, REPORT, Pilot


def test_a_pilot_s_report_and_statement_become_documents(system, phone, tmp_path):
    """Nothing has to be renamed on the way, and the PDF holds the very file the log names."""
    pilot = Pilot(system, tmp_path)
    pilot.to_statement(phone, 20)
    report = pilot.registry.document(REPORT)
    with pilot.registry.reading() as decisions:
        named = decisions.find("report", REPORT).decision.content
        fields = decisions.find("statement", REPORT).decision.content["fields"]

    for lang in ("zh", "en"):
        pdf = PdfReader(io.BytesIO(report_pdf(report, lang)))
        text = "".join(page.extract_text() for page in pdf.pages)
        assert kg(report["reported_g"]) in text
        assert DESIGN["owner_name"][lang] in text
        (attached,) = pdf.attachments["report.json"]
        assert sha256(attached).hexdigest() == named["sha256"]
        assert kg(report["totals"]["er_g"]) in report_html(report, lang)

    statement = {
        "fields": fields,
        "id": REPORT,
        "sample": {"size": len(fields["sample"])},
        "findings": [],
        "signatures": [{"name": fields["team"][0], "role": "verifier", "key": "ab" * 32}],
        "sha256": "cd" * 32,
    }
    pdf = PdfReader(io.BytesIO(statement_pdf(statement, "en")))
    text = "".join(page.extract_text() for page in pdf.pages)
    for told in (kg(fields["verified_g"]), "reasonable assurance", "5 %", REPORT):
        assert told in text
