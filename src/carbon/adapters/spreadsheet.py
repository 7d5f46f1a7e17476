"""Cells that a spreadsheet shows as they are, whatever somebody wrote into them."""

from __future__ import annotations

import re

from carbon.adapters.tabular import typed

#: A spreadsheet would compute cells that start like this.
_FORMULA = re.compile(typed.FORMULA_START)
_NUMBER = re.compile(r"[+-]?\d[\d.,]*%?")


def harmless(cell: str) -> str:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it.

    >>> harmless("=1+1"), harmless("-5")
    ("'=1+1", '-5')
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
