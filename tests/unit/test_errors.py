import pickle
import re
from pathlib import Path
from types import ModuleType

import pytest

from carbon.domain import errors
from carbon.domain.errors import FAULTS, LANGS, RECORD_CODES, CarbonError
from conftest import ROOT


def test_every_message_exists_in_both_languages_with_the_same_placeholders():
    for fault in FAULTS.values():
        for text in (fault.what, fault.fix):
            assert text.zh
            assert text.en
            assert set(re.findall(r"{\w+}", text.zh)) == set(re.findall(r"{\w+}", text.en))
            assert re.search(r"[一-鿿]", text.zh)
            assert not re.search(r"[一-鿿]", text.en)


def test_a_code_has_one_meaning():
    """Of two faults with one code the later would silently be told for both."""
    codes = [
        found.code
        for part in vars(errors).values()
        if isinstance(part, ModuleType)
        for found in getattr(part, "FAULTS", ())
    ]
    assert len(codes) == len(set(codes)) == len(FAULTS)


def test_findings_need_no_values():
    """Messages of rejected records are written per code, so they hold no placeholder."""
    for code in RECORD_CODES:
        assert "{" not in FAULTS[code].what.en + FAULTS[code].fix.en


def test_every_code_is_documented_with_its_words():
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    for fault in FAULTS.values():
        row = next((ln for ln in text.splitlines() if ln.startswith(f"| `{fault.code}` |")), "")
        for words in (fault.what.zh, fault.what.en, fault.fix.zh, fault.fix.en):
            assert words in row, fault.code


def test_every_code_is_used_and_tested():
    """A code nobody raises is dead; a code no test names is unproven."""
    cases = [p for p in (ROOT / "tests").rglob("*") if p.suffix in (".py", ".yaml")]
    tests = "\n".join(p.read_text("utf-8") for p in cases)
    catalogue = ROOT / "src" / "carbon" / "domain" / "errors"
    sources = [p for p in (ROOT / "src").rglob("*.py") if p.parent != catalogue]
    elsewhere = "\n".join(p.read_text("utf-8") for p in sources)
    for code in FAULTS:
        raised = f'"{code}"' in elsewhere or (code.endswith(".missing") and ".missing" in elsewhere)
        assert raised, f"{code} is never used"
        assert re.search(rf"\b{re.escape(code)}\b", tests), f"{code} is never tested"


def test_an_error_survives_a_process_boundary():
    error = CarbonError("file.missing", path=Path("x.csv"))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert again.code == "file.missing"
    assert again.say("zh") == error.say("zh")


@pytest.mark.parametrize("lang", LANGS)
def test_a_message_says_what_and_what_to_do(lang):
    said = CarbonError("period.invalid", value="13").say(lang)
    assert "13" in said
    assert "2026-10" in said
