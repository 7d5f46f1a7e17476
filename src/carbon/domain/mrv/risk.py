"""Risk assessment (风险评估): how sure a verification has to be, and how large its samples are.

ISO 14064-3:2019 section 6.1.2 asks for inherent, control and detection risk: the first two are
judged, the third follows as what the samples may miss. The matrix and the circumstances are the
bureau's choice; docs/sampling.md publishes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from carbon.domain.errors import CarbonError

Level = Literal["low", "medium", "high"]
LEVELS: Final[tuple[Level, ...]] = ("low", "medium", "high")
#: Confidence levels, in percent.
CONFIDENCES: Final = (80, 90, 95)
#: By inherent risk (rows) and control risk (columns), each low, medium, high.
MATRIX: Final = ((80, 80, 90), (80, 90, 95), (90, 95, 95))
#: From this share of grams on the lowest rung of evidence, it counts as a circumstance.
SELF_REPORTED_BP: Final = 2_000

BASIS: Final = 10_000
#: Tolerable misstatement, in basis points (TRUST V1, V2).
TOLERABLE_BP: Final = 500
#: Largest sample: where more is needed, so much error is expected that no sample helps.
MAX_UNITS: Final = 500


@dataclass(frozen=True, slots=True)
class Risk:
    """What is judged of a project, and what is known of it.

    ``self_reported_bp``: share of the period's positive grams without evidence, in basis points.
    Raises ``sampling.risk``.
    """

    inherent: Level
    control: Level
    new_project: bool = False
    misstated_before: bool = False
    self_reported_bp: int = 0

    def __post_init__(self) -> None:
        for value in (self.inherent, self.control):
            if value not in LEVELS:
                raise CarbonError("sampling.risk", value=value)
        if not 0 <= self.self_reported_bp <= BASIS:
            raise CarbonError("sampling.risk", value=self.self_reported_bp)

    @property
    def confidence(self) -> int:
        """The matrix's level, one step higher for each circumstance, in percent."""
        base = MATRIX[LEVELS.index(self.inherent)][LEVELS.index(self.control)]
        unproven = self.self_reported_bp >= SELF_REPORTED_BP
        steps = self.new_project + self.misstated_before + unproven
        return CONFIDENCES[min(CONFIDENCES.index(base) + steps, len(CONFIDENCES) - 1)]


def sample_size(confidence: int, expected_bp: int, tolerable_bp: int = TOLERABLE_BP) -> int:
    """Monetary units to draw: the smallest n with P(1 + n · expected, n · tolerable) ≥ confidence.

    P is the regularised lower incomplete gamma function: n · expected errors may be found, and the
    misstatement is still below the tolerable one (TRUST V2). Raises ``sampling.confidence``, and
    ``sampling.expected`` where not even :data:`MAX_UNITS` suffice.
    """
    level = _level(confidence)
    if 0 <= expected_bp < tolerable_bp:
        for size in range(1, MAX_UNITS + 1):
            if _gamma(1 + size * expected_bp / BASIS, size * tolerable_bp / BASIS) >= level:
                return size
    raise CarbonError(
        "sampling.expected", expected_bp=expected_bp, tolerable_bp=tolerable_bp, most=MAX_UNITS
    )


def attribute_size(confidence: int, deviations: int, tolerable_bp: int = TOLERABLE_BP) -> int:
    """Items to draw so that finding at most so many deviations keeps their rate tolerable.

    The smallest n at which a binomial count with the tolerable rate stays that low with a chance
    of at most 1 − confidence. Raises ``sampling.confidence``.
    """
    level = _level(confidence)
    rate, size = tolerable_bp / BASIS, deviations + 1
    while _binomial(deviations, size, rate) > 1 - level:
        size += 1
    return size


def _level(confidence: int) -> float:
    if confidence not in CONFIDENCES:
        raise CarbonError("sampling.confidence", value=confidence)
    return confidence / 100


def _gamma(shape: float, x: float) -> float:
    """Regularised lower incomplete gamma function by its series, whose terms are all positive."""
    term = total = math.exp(shape * math.log(x) - x - math.lgamma(shape + 1))
    divisor = shape
    while term > total * 1e-17:
        divisor += 1
        term *= x / divisor
        total += term
    return total


def _binomial(most: int, size: int, rate: float) -> float:
    """Chance of at most so many among ``size`` at a rate."""
    return sum(math.comb(size, k) * rate**k * (1 - rate) ** (size - k) for k in range(most + 1))
