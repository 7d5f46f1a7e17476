"""PDFs as a reader gets them: read back by another library."""

from __future__ import annotations

import io
import json
import re
from copy import deepcopy

import pytest
from pypdf import PdfReader

from carbon.adapters.documents.certificate_pdf import certificate_pdf, certificate_sheet
from carbon.adapters.documents.report_pdf import report_pdf, report_sheet
from carbon.adapters.documents.statement_pdf import statement_pdf, statement_sheet
from carbon.adapters.documents.words import CLAIM, STATEMENT_FIELDS, STATEMENT_OPTIONAL
from carbon.domain.credit.issuance import serial
from carbon.domain.errors import LANGS, CarbonError
from carbon.domain.log.leaf import canonical
from document_samples import CERTIFICATE, PROOF, REPORT, STATEMENT

MADE = {
    "report": (report_pdf, REPORT),
    "certificate": (certificate_pdf, CERTIFICATE),
    "statement": (statement_pdf, STATEMENT),
}


def read(pdf):
    return PdfReader(io.BytesIO(pdf))


def squeeze(text):
    """Text without the breaks and the zero-width spaces a line may bring."""
    return re.sub(r"[\s\u200b]+", "", text)


def text_of(pdf):
    return squeeze("".join(page.extract_text() for page in read(pdf).pages))


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", MADE)
def test_the_same_values_give_the_same_bytes(kind, lang):
    make, values = MADE[kind]
    assert make(values, lang) == make(deepcopy(values), lang)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", MADE)
def test_every_document_says_what_it_may_not_be_used_for_on_every_page(kind, lang):
    make, values = MADE[kind]
    claim = squeeze(CLAIM[LANGS.index(lang)])
    for page in read(make(values, lang)).pages:
        assert claim in squeeze(page.extract_text())


@pytest.mark.parametrize("kind", MADE)
def test_a_document_is_archival_and_bears_its_own_date(kind):
    """PDF/A-3a and PDF/UA-1 by its own metadata; the date is the values', not the clock's."""
    make, values = MADE[kind]
    pdf = read(make(values, "zh"))
    metadata = pdf.trailer["/Root"]["/Metadata"].get_data().decode()
    assert "<pdfaid:part>3" in metadata
    assert "<pdfaid:conformance>A" in metadata
    assert "<pdfuaid:part>1" in metadata
    day = {"report": (2026, 10, 31), "certificate": (2026, 11, 25), "statement": (2026, 11, 20)}
    made = pdf.metadata.creation_date
    assert (made.year, made.month, made.day) == day[kind]


def test_every_font_is_embedded():
    """None is left to the reader's machine."""
    for page in read(report_pdf(REPORT, "zh")).pages:
        for font in page["/Resources"]["/Font"].values():
            descriptor = font["/DescendantFonts"][0]["/FontDescriptor"]
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor)


def test_a_report_tells_its_figures_and_holds_its_json():
    pdf = report_pdf(REPORT, "zh")
    text = text_of(pdf)
    for told in ("1,499.346", "1,400.389", "1,942.065", "手机数码", "员工称重与照片", "-96.000"):
        assert told in text
    assert text.count("83.6%") == 3  # two cells and the baseline
    (attached,) = read(pdf).attachments["report.json"]
    assert attached == canonical(REPORT, None)


def test_a_report_as_the_domain_makes_it_is_shown_too():
    """Owner and filing as registered; pieces and mass instead of a volume; no id, no issuance."""
    report = deepcopy(REPORT)
    del report["id"], report["issuable_g"]
    report["project"] |= {
        "owner": "shops",
        "owner_name": REPORT["project"]["owner"],
        "filing": {"status": "municipal", "number": "津碳普惠〔2026〕1号"},
        "status": "filed",
    }
    del report["project"]["filing_number"]
    for cell, (pieces, mass_g) in zip(
        report["cells"], [(61, 0), (8, 0), (0, 312_000), (14, 0)], strict=True
    ):
        del cell["volume"], cell["measure"]
        cell |= {"pieces": str(pieces), "mass_g": str(mass_g)}
    text = text_of(report_pdf(report, "zh"))
    for told in ("天津河东循环商店有限公司", "津碳普惠〔2026〕1号", "312.000kg", "p1/2026-10/0-12"):
        assert told in text
    assert "试点单位" not in text
    assert "可签发量" not in text


@pytest.mark.parametrize(("lang", "mark"), [("zh", "试点单位"), ("en", "Pilotunit")])
def test_a_pilot_unit_is_called_one_in_words(lang, mark):
    assert mark in text_of(certificate_pdf(CERTIFICATE, lang))
    filed = CERTIFICATE | {
        "status": "filed",
        "project": CERTIFICATE["project"] | {"status": "filed"},
    }
    assert mark not in text_of(certificate_pdf(filed, lang))


@pytest.mark.parametrize(
    "name", ['#image("x")', "*bold* _it_ $x$", "<label> @ref // c", "= head", "\\u{41} `raw`"]
)
def test_a_name_is_printed_as_it_is(name):
    """Nothing a person writes is markup."""
    pdf = certificate_pdf(CERTIFICATE | {"beneficiary": name, "holder": name}, "en")
    assert text_of(pdf).count(squeeze(name)) == 2


def test_what_cannot_be_seen_or_drawn_is_written_as_its_code_point():
    """A change of direction cannot disguise a name, and an emoji cannot stop a certificate."""
    name = "甲\u202e乙😀\u0000𫖯丙\n丁"
    text = text_of(certificate_pdf(CERTIFICATE | {"beneficiary": name}, "zh"))
    assert "甲[U+202E]乙[U+1F600][U+0000]𫖯丙丁" in text


def test_a_certificate_holds_its_proof_twice():
    """As text to read and as a file to check."""
    pdf = certificate_pdf(CERTIFICATE, "en")
    (attached,) = read(pdf).attachments["HD-2026-000017.tlog-proof"]
    assert attached.decode() == PROOF
    assert squeeze(PROOF) in text_of(pdf)


def test_two_hundred_serial_ranges_fill_pages_and_all_are_there():
    blocks = [(n * 1_000 + 1, n * 1_000 + 7) for n in range(200)]
    serials = [{"first": serial(a), "last": serial(b)} for a, b in blocks]
    pdf = certificate_pdf(CERTIFICATE | {"serials": serials, "quantity": 1_400}, "zh")
    assert len(read(pdf).pages) > len(read(certificate_pdf(CERTIFICATE, "zh")).pages)
    text = text_of(pdf)
    assert all(f"{serial(a)}{serial(b)}7" in text for a, b in blocks)
    assert "(+199)" in text


@pytest.mark.parametrize("letter", ["长", "W"])
def test_a_long_name_wraps_inside_the_page(letter):
    """No glyph stands right of the margin, spaces or none."""
    name = letter * 200
    pdf = read(certificate_pdf(CERTIFICATE | {"beneficiary": name, "holder": name}, "en"))
    places = []
    for page in pdf.pages:
        page.extract_text(
            visitor_text=lambda text, _cm, tm, _font, _size, page=page: places.append(
                (tm[4], float(page.mediabox.width), text)
            )
        )
    assert all(x < width - 50 for x, width, text in places if text.strip())
    assert "".join(text for *_, text in places).count(letter) >= 400


@pytest.mark.parametrize("lang", LANGS)
def test_a_statement_has_every_field_by_its_name(lang):
    text = text_of(statement_pdf(STATEMENT, lang))
    for name in STATEMENT_FIELDS.keys() - set(STATEMENT_OPTIONAL):
        assert squeeze(STATEMENT_FIELDS[name][LANGS.index(lang)]) in text
    for told in ("1,499.346kg", "1,471.200kg", "24.989kg", STATEMENT["sha256"], "3f9d2a1b" * 8):
        assert told in text


def test_a_statement_as_it_was_signed_is_told_in_words():
    """Codes, basis points and lists as the decision holds them; keys of the sample are not."""
    signed = {
        "assurance": "reasonable",
        "materiality": 500,
        "opinion": "qualified",
        "team": ["a1" * 16, "b2" * 16],
        "report": "0f" * 32,
        "sample": [[7, -1]],
        "findings": [["p1/1", "CAR", "closed"]],
        "projected_g": "-28146",
        "bound_g": "61220",
    }
    values = STATEMENT | {"fields": STATEMENT["fields"] | signed, "id": "p1/2026-10/1"}
    text = text_of(statement_pdf(values, "zh"))
    for told in (
        "合理保证",
        "5%",
        "保留意见",
        f"{'a1' * 16}；{'b2' * 16}",
        "-28.146kg",
        "p1/2026-10/1",
    ):
        assert told in text


@pytest.mark.parametrize(
    "name", sorted(set(STATEMENT_FIELDS) - {"sample", "findings", *STATEMENT_OPTIONAL})
)
def test_a_statement_without_a_field_is_refused(name):
    """document.member names it (TRUST V6)."""
    fields = {k: v for k, v in STATEMENT["fields"].items() if k != name}
    with pytest.raises(CarbonError) as refused:
        statement_sheet(STATEMENT | {"fields": fields}, "zh")
    assert (refused.value.code, refused.value.values) == ("document.member", {"member": name})


@pytest.mark.parametrize(
    ("change", "code", "member"),
    [
        ({"proof": ""}, "document.member", "proof"),
        ({"retired_at": "2026-11-25T10:00:00"}, "document.member", "retired_at"),
        ({"retired_at": "yesterday"}, "document.member", "retired_at"),
        ({"quantity": 21}, "document.member", "serials"),
        ({"serials": CERTIFICATE["serials"] * 2_001}, "document.rows", "serials"),
    ],
)
def test_a_certificate_with_a_gap_is_refused(change, code, member):
    with pytest.raises(CarbonError) as refused:
        certificate_sheet(CERTIFICATE | change, "zh")
    assert (refused.value.code, refused.value.values["member"]) == (code, member)


def test_a_report_of_another_version_is_refused():
    with pytest.raises(CarbonError) as refused:
        report_sheet(REPORT | {"version": 2}, "zh")
    assert refused.value.code == "document.version"


def test_the_statement_s_digest_is_one():
    with pytest.raises(CarbonError) as refused:
        statement_sheet(STATEMENT | {"sha256": "x"}, "zh")
    assert refused.value.values == {"member": "sha256"}


def test_the_longest_lists_are_set():
    """As many factor rows as a document holds; the last one is there."""
    rows = [f"production/type_{n}/2026-01-01" for n in range(2_000)]
    pdf = read(report_pdf(REPORT | {"factor_rows": rows}, "en"))
    assert rows[-1] in pdf.pages[-1].extract_text()


def test_pages_can_be_looked_at():
    """One PNG a page."""
    pages = certificate_sheet(CERTIFICATE, "zh").pages(ppi=20)
    assert len(pages) == 2
    assert all(page.startswith(b"\x89PNG") for page in pages)


def test_a_report_s_json_can_be_parsed_from_its_pdf():
    (attached,) = read(report_pdf(REPORT, "en")).attachments["report.json"]
    assert json.loads(attached) == REPORT
