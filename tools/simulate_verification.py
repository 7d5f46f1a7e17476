"""Simulate verified periods with planted errors: how often the bound holds and fraud is found.

``python tools/simulate_verification.py [PERIODS]`` prints the table of docs/sampling.md, section 5.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from carbon.domain.mrv.evaluation import Audited, Claim, evaluate
from carbon.domain.mrv.sampling import Frame, Plan, Sample, draw
from carbon.domain.units import Int, Mask

PLAN: Final = Plan(95, 0)
PERIODS: Final = 2_000
ITEMS: Final = 3_000
#: True misstatements lie around the tolerable 5 %, where a bound is hardest to keep.
MOST: Final = 0.12

#: True grams of a frame, from its grams and the share of them that is to be wrong.
Pattern = Callable[[np.random.Generator, Int, float], Int]


def simulated_frame(rng: np.random.Generator, items: int = ITEMS) -> Int:
    """Grams of a period: sizes over three orders of magnitude, one record in seven a loss."""
    er_g = np.ceil(rng.lognormal(8, 1, items)).astype(np.int64)
    losses = rng.random(items) < 1 / 7
    er_g[losses] = -(er_g[losses] // 10)
    return er_g


def arranged(rng: np.random.Generator, er_g: Int, share: float, how: str) -> Mask:
    """Which items are wrong: about a share of the positive grams, spread in one of three ways."""
    gains = np.maximum(er_g, 0)
    ends, interval = np.cumsum(gains), max(1, int(gains.sum()) // PLAN.units)
    if how == "periodic":
        chosen = ends % interval < share * interval
    elif how == "clustered":
        start = rng.random() * (1 - share) * ends[-1]
        chosen = (ends > start) & (ends <= start + share * ends[-1])
    else:
        chosen = rng.random(er_g.size) < share
    return chosen & (er_g > 0)


def _wholly_false(how: str) -> Pattern:
    def plant(rng: np.random.Generator, er_g: Int, share: float) -> Int:
        return np.where(arranged(rng, er_g, share, how), 0, er_g)

    return plant


def _nothing(_rng: np.random.Generator, er_g: Int, _share: float) -> Int:
    return er_g


def _many_small(rng: np.random.Generator, er_g: Int, share: float) -> Int:
    """Two items in five overstated, each by little."""
    wrong = (rng.random(er_g.size) < 2 / 5) & (er_g > 0)
    return np.where(wrong, er_g - (er_g * share * 5 / 2).astype(np.int64), er_g)


def _one_category(_rng: np.random.Generator, er_g: Int, share: float) -> Int:
    """All items of the largest tenth, by the same factor."""
    wrong = er_g >= np.quantile(er_g, 0.9)
    part = share * er_g[er_g > 0].sum() / er_g[wrong].sum()
    return np.where(wrong, er_g - (er_g * min(1, part)).astype(np.int64), er_g)


def _both_ways(rng: np.random.Generator, er_g: Int, share: float) -> Int:
    """Half of what is wrong was overstated, the other half understated as much."""
    wrong = arranged(rng, er_g, share, "random")
    sign = np.where(rng.random(er_g.size) < 1 / 2, 1, -1)
    return np.where(wrong, er_g - sign * (er_g // 2), er_g)


def _hidden_losses(rng: np.random.Generator, er_g: Int, share: float) -> Int:
    """Losses that are really four times as large."""
    wrong = (rng.random(er_g.size) < 4 * share) & (er_g <= 0)
    return np.where(wrong, er_g * 4, er_g)


def _all_kinds(rng: np.random.Generator, er_g: Int, share: float) -> Int:
    """Wholly false items, small errors and hidden losses together."""
    less_g = _many_small(rng, _wholly_false("random")(rng, er_g, share / 2), share / 2)
    return _hidden_losses(rng, less_g, share)


def _twice_false(rng: np.random.Generator, er_g: Int, share: float) -> Int:
    """Items above zero that are really losses of the same size."""
    return np.where(arranged(rng, er_g, share, "random"), -er_g, er_g)


PATTERNS: Final[Mapping[str, Pattern]] = {
    "nothing": _nothing,
    "wholly_false": _wholly_false("random"),
    "clustered": _wholly_false("clustered"),
    "periodic": _wholly_false("periodic"),
    "many_small": _many_small,
    "one_category": _one_category,
    "both_ways": _both_ways,
    "hidden_losses": _hidden_losses,
    "all_kinds": _all_kinds,
    "twice_false": _twice_false,
}
#: Beyond what a bound assumes of errors never seen (docs/sampling.md, section 4).
BEYOND: Final = "twice_false"
#: Shares where a sample misses most while much is wrong, of some patterns.
WORST: Final = {"wholly_false": 0.055, "periodic": 0.055, BEYOND: 0.03}


@dataclass(frozen=True, slots=True)
class Measured:
    """Over all periods: how often the bound held, and medians in basis points of the frame."""

    covered: float
    bound_bp: float
    true_bp: float


def _seed(pattern: str, number: int) -> bytes:
    return hashlib.sha256(f"{pattern}/{number}".encode()).digest()


def _drawn(er_g: Int, seed: bytes) -> Sample:
    size = er_g.size
    return draw(Frame(np.arange(size), np.full(size, -1), er_g), seed, PLAN)


def coverage(pattern: str, periods: int = PERIODS, share: float | None = None) -> Measured:
    """Simulate periods with errors of a pattern: of a share, or of random ones up to the most."""
    held, bounds, truths = 0, [], []
    for number in range(periods):
        seed = _seed(pattern, number)
        rng = np.random.default_rng(list(seed))
        er_g = simulated_frame(rng)
        true_g = PATTERNS[pattern](rng, er_g, share or rng.uniform(0, MOST))
        sample = _drawn(er_g, seed)
        audited = {item.key: Audited(int(true_g[item.leaf])) for item in sample.items}
        found = evaluate(sample, audited, Claim(0, 0))
        misstated = int((er_g - true_g).sum())
        held += found.frame.bound_g >= misstated
        bounds.append(found.bound_bp)
        truths.append(misstated * 10_000 / found.frame_g)
    return Measured(held / periods, float(np.median(bounds)), float(np.median(truths)))


def detection(share: float, how: str, periods: int = PERIODS) -> tuple[float, float]:
    """How often a share of wholly false grams is found, and the predicted 1 − (1 − p)^n."""
    found, predicted = 0, 0.0
    for number in range(periods):
        seed = _seed(f"{how}/{share}", number)
        rng = np.random.default_rng(list(seed))
        er_g = np.ceil(rng.lognormal(8, 0.5, ITEMS)).astype(np.int64)
        wrong = arranged(rng, er_g, share, how)
        found += any(wrong[item.leaf] for item in _drawn(er_g, seed).items)
        predicted += 1 - (1 - er_g[wrong].sum() / er_g.sum()) ** PLAN.units
    return found / periods, predicted / periods


def main() -> None:
    """Print both tables."""
    periods = int(sys.argv[1]) if len(sys.argv) > 1 else PERIODS
    for pattern, share in (*((name, None) for name in PATTERNS), *WORST.items()):
        got = coverage(pattern, periods, share)
        asked = "0–12 %" if share is None else f"{share:.1%}"
        bound, true = got.bound_bp / 100, got.true_bp / 100
        print(f"| {pattern} | {asked} | {true:.2f} % | {bound:.2f} % | {got.covered:.1%} |")
    for how in ("random", "clustered", "periodic"):
        for share in (0.01, 0.02, 0.05):
            found, predicted = detection(share, how, periods)
            print(f"| {how} | {share:.0%} | {found:.1%} | {predicted:.1%} |")


if __name__ == "__main__":
    main()
