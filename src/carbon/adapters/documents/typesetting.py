"""From values to pages: Typst with fonts of the package alone, archival and the same every time.

Values reach a template as JSON, never as markup: whatever a name holds is printed as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import typst
from pylopdf_fonts_zh_cn import sans_path

from carbon.adapters.documents.glyphs import printable_all
from carbon.adapters.documents.words import words
from carbon.domain.errors import Lang

_TEMPLATES: Final = Path(__file__).with_name("templates")
#: Archival with attachments (ISO 19005-3, level A) and accessible (ISO 14289-1).
_STANDARDS: Final[list[typst.PDFStandard]] = ["a-3a", "ua-1"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the PDF, for a machine to read what the pages tell people."""

    name: str
    text: str
    mime: str
    about: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document ready to be set.

    ``template``: a file of ``templates`` without its suffix; ``at``: the document's own moment,
    which the PDF bears instead of the clock's; ``content``: strings, numbers, lists, mappings;
    ``literal``: texts of several lines, set in a fixed width.
    """

    template: str
    lang: Lang
    at: datetime
    content: Mapping[str, Any]
    literal: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()

    def pdf(self) -> bytes:
        """The bytes of the PDF: the same for the same sheet."""
        return cast(bytes, self._compiler().compile(pdf_standards=_STANDARDS, timestamp=self.at))

    def pages(self, ppi: float = 96) -> list[bytes]:
        """Every page as a PNG."""
        pages = self._compiler().compile(format="png", ppi=ppi, timestamp=self.at)
        return pages if isinstance(pages, list) else [cast(bytes, pages)]

    def _compiler(self) -> typst.Compiler:
        values = {
            **printable_all(self.content),
            "lang": self.lang,
            "words": words(self.lang),
            "literal": {
                name: [printable_all(line) for line in text.split("\n")]
                for name, text in self.literal.items()
            },
            "attachments": [
                {"name": a.name, "text": a.text, "mime": a.mime, "about": a.about}
                for a in self.attachments
            ],
        }
        return typst.Compiler(
            _TEMPLATES / f"{self.template}.typ",
            root=_TEMPLATES,
            font_paths=_fonts(),
            sys_inputs={"content": json.dumps(values, ensure_ascii=False)},
        )


@cache
def _fonts() -> typst.Fonts:
    """Noto Sans SC, Noto Serif SC and Typst's own; none of the machine's."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(sans_path().parent)])
