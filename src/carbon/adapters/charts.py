"""Bars of a chart, placed, and the templates of pages that draw them as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

#: The chart area in SVG units; pages scale it. Each row is a line of text above its bar, so that
#: long names fit and text can grow on a phone.
WIDTH: Final = 720
ROW: Final = 66
BAR: Final = 20


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from ``x0`` to ``x1`` with its whisker, in SVG units."""

    label: str
    x0: float
    x1: float
    y: float
    low: float | None
    high: float | None
    kg: float
    kind: str


def scale(values: Sequence[float]) -> tuple[float, float]:
    """Origin and units per kg so that all values and zero fit."""
    low, high = min((0.0, *values)), max((0.0, *values))
    per_kg = WIDTH / (high - low) if high > low else 0.0
    return -low * per_kg, per_kg


def page_templates() -> Environment:
    """Templates of pages that load nothing: style, charts and numbers are shared."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        loader=PackageLoader("carbon.adapters"),
    )
    environment.filters["kg"] = lambda grams: f"{grams / 1000:,.1f}"
    environment.filters["n"] = lambda number: f"{number:,}"
    return environment
