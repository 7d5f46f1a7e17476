"""Numbers as documents write them: by integers, so that no digit is rounded into being."""

from __future__ import annotations

from typing import Final

#: A basis point in parts per million.
PPM_PER_BASIS_POINT: Final = 100
_GRAMS_PER_KG: Final = 1_000


def kg(grams: str | int) -> str:
    """Kilograms to the gram.

    >>> kg("-1234567")
    '-1,234.567'
    """
    whole, rest = divmod(abs(int(grams)), _GRAMS_PER_KG)
    return f"{'-' if int(grams) < 0 else ''}{whole:,}.{rest:03d}"


def percent(ppm: int) -> str:
    """A share of a million as a percentage with at most two decimals, rounded down.

    >>> percent(934_000), percent(1_000_000), percent(125)
    ('93.4 %', '100 %', '0.01 %')
    """
    whole, rest = divmod(ppm // PPM_PER_BASIS_POINT, 100)
    decimals = f"{rest:02d}".rstrip("0")
    return f"{whole}.{decimals} %" if decimals else f"{whole} %"
