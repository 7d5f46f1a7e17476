"""The language of the command line: ``CARBON_LANG``, Chinese by default."""

from __future__ import annotations

from functools import cache

from carbon.domain.errors import Lang, Text
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
