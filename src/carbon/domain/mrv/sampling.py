"""The sample (抽样) a verifier opens: drawn from a seed nobody steers, repeatable in any language.

Items above zero are drawn by their grams, one monetary unit out of every interval; items as large
as an interval are taken whole; losses, which have no units to draw, are a sample of their own.
docs/sampling.md says the same step by step.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from carbon.domain.errors import CarbonError
from carbon.domain.mrv.risk import TOLERABLE_BP, attribute_size, sample_size
from carbon.domain.units import Int

#: Version of the draw, as a statement names it.
METHOD: Final = "MUS-cell/1"
#: Losses drawn: at 95 %, none found wrong means at most 5 % are (TRUST V2).
LOSSES: Final = attribute_size(95, 0)
#: Bytes of a nonce and of a seed.
NONCE_BYTES: Final = 32
#: Most grams of a frame: sums stay below int64 and every draw below 2**64.
MAX_FRAME_G: Final = 2**62

_NONCE_PREFIX: Final = b"carbon-inclusion/nonce/1\n"
_DRAW_PREFIX: Final = b"carbon-inclusion/draw/1\n"
_WORD: Final = 2**64

Stratum = Literal["whole", "unit", "loss"]


def commitment(nonce: bytes) -> bytes:
    """What is logged before the report exists; 32 bytes. Raises ``sampling.nonce``."""
    return hashlib.sha256(_NONCE_PREFIX + _sized(nonce)).digest()


def check_reveal(nonce: bytes, committed: bytes) -> None:
    """Raise ``sampling.reveal`` unless a nonce is the one committed to, ``sampling.nonce``."""
    if commitment(nonce) != committed:
        raise CarbonError("sampling.reveal", commitment=committed.hex())


def seed(note: bytes, verifier: bytes, bureau: bytes) -> bytes:
    """Seed of a draw (TRUST V3); 32 bytes. Raises ``sampling.nonce``.

    ``note``: the bytes of the first signed checkpoint that includes the report.
    """
    return hashlib.sha256(note + _sized(verifier) + _sized(bureau)).digest()


def _sized(nonce: bytes) -> bytes:
    if len(nonce) != NONCE_BYTES:
        raise CarbonError("sampling.nonce", size=len(nonce), needed=NONCE_BYTES)
    return nonce


@dataclass(frozen=True, slots=True)
class Frame:
    """All records of a report in the order of the log; arrays of shape ``(n,)`` int64.

    ``row``: −1 where a leaf holds its record itself; ``er_g``: signed grams. Raises
    ``sampling.frame``.
    """

    leaf: Int
    row: Int
    er_g: Int

    def __post_init__(self) -> None:
        place = self._fault()
        if place:
            raise CarbonError("sampling.frame", place=place)

    def _fault(self) -> str:
        if not self.leaf.shape == self.row.shape == self.er_g.shape == (self.leaf.size,):
            return "shape"
        leaf, row = np.diff(self.leaf), np.diff(self.row)
        if ((leaf < 0) | ((leaf == 0) & (row <= 0))).any():
            return "order"
        return "er_g" if np.abs(self.er_g.astype(np.float64)).sum() >= MAX_FRAME_G else ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How sure the conclusion has to be, and how much error is expected, in basis points."""

    confidence: int
    expected_bp: int
    tolerable_bp: int = TOLERABLE_BP

    @property
    def units(self) -> int:
        """Monetary units to draw. Raises ``sampling.confidence``, ``sampling.expected``."""
        return sample_size(self.confidence, self.expected_bp, self.tolerable_bp)


@dataclass(frozen=True, slots=True)
class Item:
    """A record to open. ``hits``: units drawn from it, 1 for what was not drawn by units."""

    leaf: int
    row: int
    er_g: int
    stratum: Stratum
    hits: int = 1

    @property
    def key(self) -> tuple[int, int]:
        """Leaf and row."""
        return self.leaf, self.row


@dataclass(frozen=True, slots=True)
class Sample:
    """What was drawn, and what an evaluation needs of the rest.

    ``frame_g``: sum of items above zero, of which ``units_g`` in items below the interval;
    ``losses``: number of items at or below zero, ``losses_g`` their sum, never positive.
    """

    plan: Plan
    interval_g: int
    frame_g: int
    units_g: int
    losses: int
    losses_g: int
    items: tuple[Item, ...]

    @property
    def losses_drawn(self) -> int:
        """How many of the losses were drawn: all of a few."""
        return min(self.losses, LOSSES)

    def is_certain(self, item: Item) -> bool:
        """Whether an item stands for itself alone, its kind being opened as a whole."""
        return item.stratum == "whole" or (item.stratum == "loss" and self.losses <= LOSSES)

    @property
    def method(self) -> str:
        """The draw in one line, as a statement publishes it."""
        plan = self.plan
        return (
            f"{METHOD} confidence={plan.confidence}% expected={plan.expected_bp}bp "
            f"tolerable={plan.tolerable_bp}bp units={plan.units} interval={self.interval_g}g"
        )

    @property
    def keys(self) -> list[list[int]]:
        """Leaf and row of every item, in the order of the log: what a statement lists."""
        return [[item.leaf, item.row] for item in self.items]


class _Stream:
    """Whole numbers below a bound from SHA-256 in counter mode, all equally likely."""

    def __init__(self, seed_: bytes, stratum: Stratum) -> None:
        self._start = hashlib.sha256(_DRAW_PREFIX + seed_ + stratum.encode() + b"\n")
        self._counter = 0

    def below(self, bound: int) -> int:
        """The next number in ``[0, bound)``: words that would favour small numbers are skipped."""
        fair = _WORD - _WORD % bound
        while (word := self._word()) >= fair:
            pass
        return word % bound

    def _word(self) -> int:
        block = self._start.copy()
        block.update(self._counter.to_bytes(8, "big"))
        self._counter += 1
        return int.from_bytes(block.digest()[:8], "big")


def draw(frame: Frame, seed_: bytes, plan: Plan) -> Sample:
    """Draw the sample of a frame: the same from the same seed, everywhere.

    Raises ``sampling.nonce`` for a seed of another size, ``sampling.confidence``,
    ``sampling.expected``.
    """
    _sized(seed_)
    er_g = frame.er_g
    frame_g = int(er_g[er_g > 0].sum())
    interval = max(1, frame_g // plan.units)
    whole = np.flatnonzero(er_g >= interval)
    units = np.flatnonzero((er_g > 0) & (er_g < interval))
    losses = np.flatnonzero(er_g <= 0)
    drawn, hits = _drawn_units(er_g[units], interval, _Stream(seed_, "unit"))
    items = [
        *_items(frame, whole, "whole"),
        *_items(frame, units[drawn], "unit", hits),
        *_items(frame, losses[_drawn_losses(losses.size, _Stream(seed_, "loss"))], "loss"),
    ]
    return Sample(
        plan=plan,
        interval_g=interval,
        frame_g=frame_g,
        units_g=int(er_g[units].sum()),
        losses=losses.size,
        losses_g=int(er_g[losses].sum()),
        items=tuple(sorted(items, key=lambda item: item.key)),
    )


def _drawn_units(er_g: Int, interval: int, stream: _Stream) -> tuple[Int, Int]:
    """Items hit and how often: one unit of every interval, independently of the others.

    Independent, so that no arrangement of the log makes a wrong gram less likely to be found than
    it is among shuffled ones; a unit drawn past the end hits nothing.
    """
    ends = np.cumsum(er_g)
    total = int(ends[-1]) if ends.size else 0
    units = [start + stream.below(interval) for start in range(0, total, interval)]
    inside = np.array([unit for unit in units if unit < total], np.int64)
    return np.unique(np.searchsorted(ends, inside, side="right"), return_counts=True)


def _drawn_losses(size: int, stream: _Stream) -> Int:
    """Places of the losses to open: all, or :data:`LOSSES` distinct ones."""
    if size <= LOSSES:
        return np.arange(size)
    chosen: set[int] = set()
    while len(chosen) < LOSSES:
        chosen.add(stream.below(size))
    return np.array(sorted(chosen), np.int64)


def _items(frame: Frame, places: Int, stratum: Stratum, hits: Int | None = None) -> list[Item]:
    columns = (frame.leaf[places], frame.row[places], frame.er_g[places])
    often = np.ones(places.size, np.int64) if hits is None else hits
    return [
        Item(leaf, row, er_g, stratum, hit)
        for leaf, row, er_g, hit in zip(*(c.tolist() for c in (*columns, often)), strict=True)
    ]
