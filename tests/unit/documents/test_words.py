"""Labels, numbers and glyphs of documents."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.adapters import documents, spreadsheet
from carbon.adapters.documents import amounts, glyphs
from carbon.adapters.documents.words import (
    PURPOSES,
    SAMPLE,
    STATEMENT_CODES,
    STATEMENT_FIELDS,
    evidence,
    words,
)
from carbon.domain.activity.record import CODES

HAN = re.compile("[一-鿿]")
TEMPLATES = Path(documents.__file__).with_name("templates")


def test_every_label_exists_in_both_languages():
    """Chinese in Chinese (but for units), English without a Chinese character, same gaps."""
    zh, en = words("zh"), words("en")
    assert zh.keys() == en.keys()
    for name in zh:
        assert HAN.search(zh[name]) or zh[name] == en[name], name
        assert en[name], name
        assert not HAN.search(en[name]), name
        assert re.findall(r"{\w+}", zh[name]) == re.findall(r"{\w+}", en[name]), name
    for table in (PURPOSES, SAMPLE, STATEMENT_CODES, STATEMENT_FIELDS):
        for code, (chinese, english) in table.items():
            assert HAN.search(chinese), code
            assert not HAN.search(english), code


def test_every_label_a_template_names_exists_and_none_is_idle():
    pages = "\n".join(p.read_text("utf-8") for p in TEMPLATES.glob("*.typ"))
    page = (TEMPLATES.parents[1] / "templates" / "monitoring.html.j2").read_text("utf-8")
    code = "\n".join(
        p.read_text("utf-8") for p in TEMPLATES.parent.glob("*.py") if p.stem != "words"
    )
    named = set(re.findall(r"\bw\.(\w+)", pages + page)) - {"at", "get"}
    assert named <= words("zh").keys()
    idle = {
        n
        for n in words("zh")
        if n not in named and not re.search(rf"""["'\s.]{n}["'\s]""", code + page)
    }
    spoken = (
        "enterprise programme piece kg corrected returned demonstration display withdrawn".split()
    )
    spoken += "verifier reviewer open answered closed CAR CL FAR check_1 check_2 check_3 check_4 count".split()
    assert idle <= set(spoken)


def test_every_evidence_rung_has_words():
    for coded in CODES["evidence"]:
        assert evidence(coded.code, "zh") == coded.name.zh
    assert evidence("unheard_of", "en") == "unheard_of"


@pytest.mark.parametrize("module", [amounts, glyphs, spreadsheet])
def test_examples_of_docstrings_hold(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


@given(st.integers(-(10**18), 10**18))
def test_kilograms_are_exact(grams):
    """Read back, the text is the very number of grams."""
    assert int(amounts.kg(grams).replace(",", "").replace(".", "")) == grams


@given(st.text(max_size=50))
def test_printable_text_has_a_glyph_for_every_character(text):
    assert all(ord(letter) in glyphs.covered() for letter in glyphs.printable(text))


def test_names_are_covered():
    """Every character of GBK, and rare ones of names beyond it."""
    pairs = (bytes([a, b]) for a in range(0x81, 0xFF) for b in range(0x40, 0xFF))
    letters = {pair.decode("gbk", "ignore") for pair in pairs} - {""}
    han = {letter for letter in letters if "\u4e00" <= letter[0] <= "\u9fff"}
    assert len(han) > 20_000
    assert {letter for letter in han if glyphs.printable(letter) != letter} == set()
    assert glyphs.printable("㛃㭕䶮𫖯𬍛堃") == "㛃㭕䶮𫖯𬍛堃"
