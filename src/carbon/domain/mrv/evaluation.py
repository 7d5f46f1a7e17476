"""What a sample says of the whole period: projected misstatement, its upper bound, the opinion.

All steps are integers, rounded against the project, so that anyone gets the same grams. A positive
misstatement overstates the reduction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal

from carbon.domain.errors import CarbonError
from carbon.domain.mrv.risk import BASIS
from carbon.domain.mrv.sampling import LOSSES, Item, Sample, Stratum

#: Material, and worth an alarm, in basis points of the period's positive grams (TRUST V1).
MATERIALITY_BP: Final = 500
ALARM_BP: Final = 200
#: Factors are whole millionths.
MILLION: Final = 1_000_000

Opinion = Literal["positive", "qualified", "adverse"]


@dataclass(frozen=True, slots=True)
class Audited:
    """What the verifier found for an item: its true signed grams.

    ``intent``: the item was falsified, or counted twice; that has no tolerance (TRUST V1).
    """

    er_g: int
    intent: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed of the frame: ``reported_g``, after evidence shares, baseline and losses.

    ``gained_g``: what the frame's positive grams earn of it, before losses and a carried deficit.
    Raises ``evaluation.claim``.
    """

    reported_g: int
    gained_g: int

    def __post_init__(self) -> None:
        if not 0 <= self.reported_g <= self.gained_g:
            raise CarbonError(
                "evaluation.claim", reported_g=self.reported_g, gained_g=self.gained_g
            )


@dataclass(frozen=True, slots=True)
class Misstatement:
    """Grams by which something looks better than it is.

    ``projected_g``: the best estimate, signed; ``bound_g``: at most this, at the plan's confidence.
    """

    projected_g: int
    bound_g: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The sample's conclusion: about the ``frame``, and about what is ``claimed`` of it."""

    frame_g: int
    frame: Misstatement
    claimed: Misstatement
    intent: bool
    reported_g: int

    @property
    def projected_bp(self) -> int:
        """Projected misstatement in basis points of the frame's positive grams, rounded up."""
        return _ceil(self.frame.projected_g * BASIS, max(1, self.frame_g))

    @property
    def bound_bp(self) -> int:
        """Upper bound in basis points of the frame's positive grams, rounded up."""
        return _ceil(self.frame.bound_g * BASIS, max(1, self.frame_g))

    @property
    def alarm(self) -> bool:
        """Whether so much was found that the bureau looks into it."""
        return self.projected_bp > ALARM_BP

    @property
    def opinion(self) -> Opinion:
        """Adverse for intent or a material projection, qualified where only the bound is."""
        if self.intent or self.projected_bp > MATERIALITY_BP:
            return "adverse"
        return "positive" if self.bound_bp <= MATERIALITY_BP else "qualified"

    @property
    def verified_g(self) -> int:
        """Grams the statement confirms, never more than reported.

        Less the projection; less the bound for a qualified opinion, because what is not known well
        enough is not issued; nothing for an adverse one.
        """
        match self.opinion:
            case "adverse":
                return 0
            case "qualified":
                deducted = self.claimed.bound_g
            case _:
                deducted = self.claimed.projected_g
        return max(0, min(self.reported_g, self.reported_g - deducted))


def evaluate(
    sample: Sample, audited: Mapping[tuple[int, int], Audited], claim: Claim
) -> Evaluation:
    """Evaluate a sample whose items are all opened; ``audited`` by leaf and row.

    Raises ``evaluation.unopened`` for items not opened (TRUST V4), ``evaluation.foreign`` for
    opened records that were not drawn, ``evaluation.claim`` for more gained than is in the frame.
    """
    _check_opened(sample, audited)
    if claim.gained_g > sample.frame_g:
        raise CarbonError("evaluation.claim", reported_g=claim.gained_g, gained_g=sample.frame_g)
    return Evaluation(
        frame_g=sample.frame_g,
        frame=_Errors(sample, audited, sample.frame_g).misstatement(),
        claimed=_Errors(sample, audited, claim.gained_g).misstatement(),
        intent=any(found.intent for found in audited.values()),
        reported_g=claim.reported_g,
    )


def _check_opened(sample: Sample, audited: Mapping[tuple[int, int], Audited]) -> None:
    drawn = {item.key for item in sample.items}
    unopened, foreign = drawn - audited.keys(), audited.keys() - drawn
    for code, keys in (("evaluation.unopened", unopened), ("evaluation.foreign", foreign)):
        if keys:
            leaf, row = min(keys)
            raise CarbonError(code, count=len(keys), leaf=leaf, row=row)


class _Errors:
    """What the errors found stand for, where positive grams count by ``gained_g / frame_g``."""

    def __init__(
        self, sample: Sample, audited: Mapping[tuple[int, int], Audited], gained_g: int
    ) -> None:
        self._sample, self._gained_g = sample, gained_g
        weighed = [
            (item, self._weighed(item, item.er_g - audited[item.key].er_g)) for item in sample.items
        ]
        self._certain = [error for item, error in weighed if sample.is_certain(item)]
        self._units = _repeated(weighed, "unit")
        self._losses = [] if sample.losses <= LOSSES else _repeated(weighed, "loss")

    def _weighed(self, item: Item, error_g: int) -> int:
        """Grams that one hit of an item stands for, rounded up."""
        sample = self._sample
        if item.stratum == "loss":
            return _ceil(error_g * sample.losses, sample.losses_drawn)
        if item.stratum == "whole":
            return _ceil(error_g * self._gained_g, sample.frame_g)
        weight = sample.interval_g * self._gained_g
        return _ceil(error_g * weight, item.er_g * sample.frame_g)

    def misstatement(self) -> Misstatement:
        """Projection and bound. Understatements lower the projection, never the bound.

        A unit drawn from a rest smaller than an interval stands for more than there is: no more is
        projected than the bound allows.
        """
        errors = sorted((e for e in self._units + self._losses if e > 0), reverse=True)
        bound = sum(max(0, e) for e in self._certain)
        bound += min(self._stringer_g(errors), self._ceiling_g())
        projected = sum(self._certain + self._units + self._losses)
        return Misstatement(min(projected, bound), bound)

    def _stringer_g(self, errors: list[int]) -> int:
        """Stringer's bound over both sampled strata: factors times errors, largest first.

        One allowance serves both, that of the heavier error: most is missed by missing only those.
        """
        factors = [poisson_factor(self._sample.plan.confidence, n) for n in range(len(errors) + 1)]
        allowance = max(self._unit_g(), self._loss_g(), *errors[:1])
        steps = (after - before for before, after in pairwise(factors))
        added = sum(step * error for step, error in zip(steps, errors, strict=True))
        return _ceil(factors[0] * allowance + added, MILLION)

    def _unit_g(self) -> int:
        """What an unseen unit stands for at most: a wholly false one."""
        sample = self._sample
        if not sample.units_g:
            return 0
        return _ceil(sample.interval_g * self._gained_g, sample.frame_g)

    def _loss_g(self) -> int:
        """What an unseen wrong loss stands for: one of mean size."""
        sample = self._sample
        return _ceil(-sample.losses_g, LOSSES) if sample.losses > LOSSES else 0

    def _ceiling_g(self) -> int:
        """If all that was not opened were as wrong as the worst seen or assumed."""
        sample = self._sample
        unit = max([self._unit_g(), *self._units])
        loss = max([self._loss_g(), *self._losses])
        return _ceil(unit * sample.units_g, sample.interval_g) + loss * sample.losses_drawn


def _repeated(weighed: list[tuple[Item, int]], stratum: Stratum) -> list[int]:
    """Errors of a stratum, each as often as it was hit."""
    return [e for item, e in weighed if item.stratum == stratum for _ in range(item.hits)]


def _ceil(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


@lru_cache(maxsize=4096)
def poisson_factor(confidence: int, errors: int) -> int:
    """Errors there may be where so many were found, in millionths (3.0 for none at 95 %).

    The smallest whole number of millionths at which a Poisson count is that low with a chance of
    at most 1 − confidence.
    """
    chance = (100 - confidence) / 100
    low, high = 0, MILLION * (10 + 3 * errors)
    while high - low > 1:
        middle = (low + high) // 2
        if _poisson(errors, middle / MILLION) <= chance:
            high = middle
        else:
            low = middle
    return high


def _poisson(most: int, mean: float) -> float:
    """Chance of at most so many at a mean, summed from the largest count down."""
    term = math.exp(most * math.log(mean) - mean - math.lgamma(most + 1))
    total = 0.0
    for count in range(most, -1, -1):
        total += term
        term *= count / mean
    return total
