"""The language of the command line: ``CARBON_LANG``, Chinese by default."""

from __future__ import annotations

from datetime import date
from functools import cache

from carbon.domain.errors import CarbonError, Lang, Text
from carbon.settings import Settings


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings.read()


def lang() -> Lang:
    """The language to speak."""
    return settings().lang


def say(zh: str, en: str) -> str:
    """One of two sentences."""
    return Text(zh, en).say(lang())


def day(text: str | None) -> date | None:
    """A day as an option gives it. Raises ``date.option``."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CarbonError("date.option", value=text) from error
