"""Callers that record at the same time, for crash tests."""

from __future__ import annotations

from carbon.bootstrap.recording import Ask
from conftest import a_phone

CALLERS = 16


def ask_of(caller: int, number: int) -> Ask:
    """The n-th record of a caller."""
    return Ask.of(a_phone(1_000 * caller + number), f"caller {caller}", "HD-REUSE")
