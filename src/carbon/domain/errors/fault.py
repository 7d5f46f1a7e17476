"""What a fault is: a stable code, what is wrong and what to do, in Chinese and English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Lang = Literal["zh", "en"]
LANGS: Final[tuple[Lang, ...]] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages; both are required, so neither can be missing."""

    zh: str
    en: str

    def say(self, lang: Lang, **values: object) -> str:
        """The sentence in one language, its ``{placeholders}`` filled in."""
        template = self.zh if lang == "zh" else self.en
        return template.format(**values) if values else template


@dataclass(frozen=True, slots=True)
class Fault:
    """A stable code with what is wrong and what to do."""

    code: str
    what: Text
    fix: Text


def fault(code: str, zh: str, en: str, fix_zh: str, fix_en: str) -> Fault:
    """A fault from its code and its four texts."""
    return Fault(code, Text(zh, en), Text(fix_zh, fix_en))
