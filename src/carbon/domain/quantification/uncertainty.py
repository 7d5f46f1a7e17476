"""Uncertainty of sums: each factor is drawn once per trial, never once per row.

All phones of a batch share one EF and one D, so their errors do not average out. Records enter the
total through their summed coefficients per combination of factor rows
(:class:`~carbon.domain.quantification.methodology.Term`); a trial multiplies a few thousand sums,
whether they stand for a thousand rows or ten million.

Draws: raw 64-bit integers of PCG64 (O'Neill 2014), one stream per factor row and seed, through
Wichura's inverse normal (algorithm AS 241, PPND16, 1988), rounded to 9 significant digits so that
the last bits of a machine's logarithm do not matter.

Distributions are two-piece, with the adopted value as median, ``low`` as 5th and ``high`` as 95th
percentile: geometric interpolation in the normal score for ``lognormal``, linear for ``normal``.
Not drawn: policy values (``fixed``), and the life inside the remaining years of the use phase.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carbon.domain.factors.table import FactorRow
from carbon.domain.quantification.engine import COEFFICIENT_UNIT, LIFE_ROLE, Engine, Sparse, TermKey
from carbon.domain.units import GRAMS_PER_KG, Float, Int

#: Normal score of the 95th percentile (AS 241).
Z95 = 1.6448536269514722
SIGNIFICANT_DIGITS = 9
PERCENTILES = (5, 33, 50, 95)


#: A number, or one number per draw.
_Value = Any


@dataclass(frozen=True, slots=True)
class Product:
    """``max(0, coefficient − spent / life) · Π factor ** power`` of one category, in kg.

    What a total is made of. Without a life, the coefficient stands as it is, whatever its sign.
    """

    category: str
    coefficient: float
    factors: tuple[tuple[FactorRow, int], ...]
    spent: float = 0.0
    life: FactorRow | None = None

    @property
    def rows(self) -> tuple[FactorRow, ...]:
        """All factor rows that enter."""
        own = tuple(row for row, _ in self.factors)
        return own if self.life is None else (*own, self.life)

    def value(self, of: Mapping[str, _Value]) -> _Value:
        """Kilograms for some values of the factors, by row id: numbers, or arrays of draws."""
        total: _Value = self.coefficient
        if self.life is not None:
            total = np.maximum(0.0, self.coefficient - self.spent / of[self.life.id])
        for row, power in self.factors:
            total = total * (of[row.id] if power == 1 else of[row.id] ** power)
        return total


@dataclass(frozen=True, slots=True)
class Interval:
    """Percentiles of a total in grams, and the analytic check beside them.

    ``analytic_sd_g``: first-order error propagation (IPCC 2006, vol. 1, ch. 3, approach 1);
    ``sd_g``: standard deviation of the draws (approach 2).
    """

    percentiles_g: Mapping[int, int]
    sd_g: int
    analytic_sd_g: int


class TermSums:
    """Coefficient sums of every term over any number of batches."""

    def __init__(self) -> None:
        self._terms: dict[TermKey, dict[int, Int]] = {}

    def add(self, terms: Mapping[TermKey, Sparse]) -> None:
        """Add the terms of a batch."""
        for name, sparse in terms.items():
            accumulate(self._terms.setdefault(name, {}), sparse)

    def sorted(self) -> dict[TermKey, Sparse]:
        """The sums by term, cells ascending."""
        found = {}
        for name, cells in sorted(self._terms.items()):
            order = sorted(cells)
            if order:
                sums = np.stack([cells[c] for c in order], axis=1)
                found[name] = Sparse(np.array(order, np.int64), sums)
        return found


def accumulate(into: dict[int, Int], sparse: Sparse) -> None:
    """Add sums to sums, by cell."""
    for place, cell in enumerate(sparse.cells.tolist()):
        known = into.get(cell)
        own = sparse.sums[:, place]
        into[cell] = own.copy() if known is None else known + own


def products(engine: Engine, terms: Mapping[TermKey, Sparse]) -> list[Product]:
    """Expand the summed coefficients of a run into products of factor rows."""
    category = {i.item_type: i.category for i in engine.catalogue.items}
    roles = {role.name: role for role in engine.methodology.roles}
    resolver = engine.resolver
    found: list[Product] = []
    for (_, powers), sparse in terms.items():
        by_life = len(sparse.sums) > 1
        axes = engine.term_axes(powers, by_life=by_life)
        for place, cell in enumerate(sparse.cells.tolist()):

            def row_of(role: str, cell: int = cell, axes: tuple[str, ...] = axes) -> FactorRow:
                return engine.catalogue.rows[resolver.rows_of_cell(roles[role], axes, cell)]

            amounts = sparse.sums[:, place] * COEFFICIENT_UNIT
            found.append(
                Product(
                    category=category[resolver.word_of_cell("item_type", axes, cell)],
                    coefficient=float(amounts[0]),
                    factors=tuple((row_of(role), power) for role, power in powers),
                    spent=float(amounts[1]) if by_life else 0.0,
                    life=row_of(LIFE_ROLE) if by_life else None,
                )
            )
    return found


def intervals(
    found: Sequence[Product], *, seed: int, draws: int, groups: Iterable[str], policy: int
) -> dict[str, Interval]:
    """Percentiles of the total (key ``""``) and of each category, from one set of draws.

    ``policy``: the percentile the bureau issues by; it joins :data:`PERCENTILES`.
    """
    levels = sorted({*PERCENTILES, policy})
    rows = {row.id: row for product in found for row in product.rows}
    drawn = {name: draw(row, seed, draws) for name, row in rows.items()}
    total = np.zeros(draws)
    by_group = {group: np.zeros(draws) for group in groups}
    for product in found:
        by_group[product.category] += product.value(drawn)
    for values in by_group.values():
        total += values
    chosen = {"": list(found)} | {g: [p for p in found if p.category == g] for g in by_group}
    return {
        name: _interval(total if name == "" else by_group[name], part, levels)
        for name, part in chosen.items()
    }


def _interval(kg: Float, found: Sequence[Product], levels: Sequence[int]) -> Interval:
    grams = np.round(kg * GRAMS_PER_KG)
    values = np.percentile(grams, levels, method="lower")
    return Interval(
        percentiles_g={p: int(v) for p, v in zip(levels, values, strict=True)},
        sd_g=round(float(grams.std())),
        analytic_sd_g=round(analytic_sd(found) * GRAMS_PER_KG),
    )


@dataclass(frozen=True, slots=True)
class Driver:
    """How far one factor alone moves the total: at its ``low`` and at its ``high``, in grams."""

    row: FactorRow
    at_low_g: int
    at_high_g: int

    @property
    def swing_g(self) -> int:
        """Distance between the two."""
        return abs(self.at_high_g - self.at_low_g)


def drivers(found: Sequence[Product]) -> list[Driver]:
    """Every drawn factor with its effect on the total, the largest first (a tornado)."""
    rows = {row.id: row for product in found for row in product.rows}
    central = {name: float(row.value or 0) for name, row in rows.items()}
    moved = [
        Driver(
            row,
            _total_g(found, central | {name: float(row.low or 0)}),
            _total_g(found, central | {name: float(row.high or 0)}),
        )
        for name, row in rows.items()
        if row.low != row.high
    ]
    return sorted(moved, key=lambda d: (-d.swing_g, d.row.id))


def _total_g(found: Sequence[Product], values: Mapping[str, float]) -> int:
    return round(float(sum(product.value(values) for product in found)) * GRAMS_PER_KG)


def draw(row: FactorRow, seed: int, draws: int) -> Float:
    """Draws of one factor row, shape ``(draws,)``; the stream depends on row and seed alone."""
    if row.value is None or row.low is None or row.high is None:
        raise ValueError(f"{row.id} has no value")
    value, low, high = float(row.value), float(row.low), float(row.high)
    if row.distribution == "fixed" or low == high:
        return np.full(draws, value)
    scores = normal_scores(stream(f"{seed}/{row.id}", draws))
    return significant(two_piece(scores, value, low, high, row.distribution))


def two_piece(scores: Float, value: float, low: float, high: float, kind: str) -> Float:
    """Quantiles of the two-piece distribution with median, 5th and 95th percentile given.

    A ``normal`` never falls below a tenth of its ``low``: emissions, shares and years are positive.
    """
    steps = scores / Z95
    if kind == "lognormal":
        below = value * (value / low) ** np.minimum(steps, 0.0)
        return below * (high / value) ** np.maximum(steps, 0.0)
    below_part = (value - low) * np.minimum(steps, 0.0)
    floor = max(0.0, low) * 0.1
    return np.maximum(floor, value + below_part + (high - value) * np.maximum(steps, 0.0))


def stream(name: str, draws: int) -> Float:
    """Uniforms in (0, 1) from the top 53 bits of PCG64, seeded by a name."""
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big")
    raw = np.random.PCG64(np.random.SeedSequence(key)).random_raw(draws)
    return ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def significant(values: Float) -> Float:
    """Round to 9 significant digits; zero stays zero."""
    magnitude = np.where(values == 0.0, 1.0, np.abs(values))
    digits = SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(magnitude))
    scale = 10.0**digits
    return np.rint(values * scale) / scale


_CENTRAL = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4)
    + (4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3)
    + (1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4)
    + (2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2)
    + (4.2313330701600911252e1, 1.0),
)
_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1)
    + (1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0)
    + (4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2)
    + (1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0)
    + (2.05319162663775882187e0, 1.0),
)
_FAR = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3)
    + (2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0)
    + (5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5)
    + (7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1)
    + (5.99832206555887937690e-1, 1.0),
)


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Float) -> Float:
    return np.polyval(coefficients[0], x) / np.polyval(coefficients[1], x)


#: Where AS 241 changes from the central to the tail, and from the tail to the far tail.
_CENTRAL_HALF_WIDTH, _FAR_START = 0.425, 5.0


def normal_scores(uniform: Float) -> Float:
    """Inverse of the standard normal distribution function, AS 241 (PPND16); (0, 1) → ℝ."""
    centred = uniform - 0.5
    central = centred * _ratio(_CENTRAL, 0.180625 - centred * centred)
    tail = np.sqrt(-np.log(np.minimum(uniform, 1.0 - uniform)))
    outer = np.where(tail <= _FAR_START, _ratio(_TAIL, tail - 1.6), _ratio(_FAR, tail - 5.0))
    return np.where(np.abs(centred) <= _CENTRAL_HALF_WIDTH, central, np.copysign(outer, centred))


def analytic_sd(found: Sequence[Product]) -> float:
    """First-order standard deviation of a total in kg: Σ over factors (∂total/∂factor · σ)².

    A factor's σ is (high − low) / (2 · 1.645); products share factors, so the slope of the whole
    total is taken (by a small central difference) before squaring.
    """
    rows = {row.id: row for product in found for row in product.rows}
    central = {name: float(row.value or 0) for name, row in rows.items()}
    using: dict[str, list[Product]] = {name: [] for name in rows}
    for product in found:
        for row in product.rows:
            using[row.id].append(product)
    variance = 0.0
    for name, row in rows.items():
        sigma, step = _sigma(row), max(abs(central[name]), 1e-9) * 1e-4
        if sigma > 0:
            up, down = (central | {name: central[name] + d} for d in (step, -step))
            slope = sum(p.value(up) - p.value(down) for p in using[name]) / (2 * step)
            variance += (slope * sigma) ** 2
    return math.sqrt(variance)


def _sigma(row: FactorRow) -> float:
    if row.distribution == "fixed" or row.low is None or row.high is None:
        return 0.0
    return float(row.high - row.low) / (2 * Z95)
