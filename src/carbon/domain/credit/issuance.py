"""Issuance: grams become serial-numbered credits, and serial ranges are split and merged.

One credit is 1 kg CO2e (DESIGN decision 2). Serial numbers are integers of one line for the whole
registry; a block is a range of them, both ends included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from carbon.domain.errors import CarbonError

GRAMS_PER_CREDIT: Final = 1_000
_MILLION: Final = 1_000_000
_SERIAL: Final = re.compile(r"HD-([0-9]{12})")


def serial(number: int) -> str:
    """A serial number as people read it.

    >>> serial(42)
    'HD-000000000042'
    """
    return f"HD-{number:012d}"


def is_serial(text: str) -> bool:
    """Whether a text is a serial number as people read it."""
    return _SERIAL.fullmatch(text.strip().upper()) is not None


def serial_number(text: str) -> int:
    """A serial number from its text or plain digits. Raises ``serial.invalid``."""
    match = _SERIAL.fullmatch(text.strip().upper())
    if match:
        return int(match[1])
    if re.fullmatch("[0-9]{1,12}", text.strip()):
        return int(text)
    raise CarbonError("serial.invalid", text=text)


def asset(methodology: str, vintage: int, status: str) -> str:
    """The asset of credits of one methodology, vintage and status.

    >>> asset("HD-REUSE v1", 2026, "pilot")
    'credit/HD-REUSE v1/2026/pilot'
    """
    return f"credit/{methodology}/{vintage}/{status}"


def carry_asset(methodology: str, vintage: int) -> str:
    """The asset of grams that wait to become a credit."""
    return f"grams/{methodology}/{vintage}"


def carry_of(credit: str) -> str:
    """The asset of grams that become credits of some asset.

    >>> carry_of("credit/HD-REUSE v1/2026/pilot")
    'grams/HD-REUSE v1/2026'
    """
    _, methodology, vintage, _ = credit.split("/")
    return carry_asset(methodology, int(vintage))


@dataclass(frozen=True, slots=True)
class Amounts:
    """What an issuance comes to: ``credits`` in all, of which ``buffer`` is set aside."""

    credits: int
    buffer: int
    carry_in_g: int
    carry_out_g: int


def amounts(issuable_g: int, carry_g: int, buffer_ppm: int) -> Amounts:
    """Whole kilograms are issued, the rest is carried; the buffer's share is rounded up.

    >>> amounts(2_400, 700, 50_000)
    Amounts(credits=3, buffer=1, carry_in_g=700, carry_out_g=100)
    """
    credits_, rest = divmod(issuable_g + carry_g, GRAMS_PER_CREDIT)
    buffer = -(-credits_ * buffer_ppm // _MILLION)
    return Amounts(credits_, buffer, carry_g, rest)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Share a whole number by largest remainder; equal remainders by place.

    >>> apportion(10, [1, 1, 1])
    [4, 3, 3]
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    rests = [total * weight % whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda n: (-rests[n], n))
    for n in order[: total - sum(parts)]:
        parts[n] += 1
    return parts


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """A range of serial numbers, both ends included. Raises ``serial.range``."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.last:
            raise CarbonError("serial.range", first=self.first, last=self.last)

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{serial(self.first)}–{serial(self.last)}"

    def within(self, other: Block) -> bool:
        """Whether all of it lies in another one."""
        return other.first <= self.first and self.last <= other.last


def take(held: Iterable[Block], credits_: int) -> tuple[list[Block], list[Block]]:
    """So many credits, the lowest serials first, and what is left of the blocks touched.

    Raises ``serial.short`` if the blocks hold fewer.
    """
    taken: list[Block] = []
    missing = credits_
    for block in sorted(held):
        if not missing:
            break
        part = min(missing, len(block))
        taken.append(Block(block.first, block.first + part - 1))
        missing -= part
        if part < len(block):
            return taken, [Block(block.first + part, block.last)]
    if missing:
        raise CarbonError("serial.short", credits=credits_, missing=missing)
    return taken, []


def cut(block: Block, part: Block) -> list[Block]:
    """What is left of a block when a part inside it is taken out."""
    left = []
    if block.first < part.first:
        left.append(Block(block.first, part.first - 1))
    if part.last < block.last:
        left.append(Block(part.last + 1, block.last))
    return left


def merge(blocks: Iterable[Block]) -> list[Block]:
    """Neighbouring ranges as one, ascending."""
    merged: list[Block] = []
    for block in sorted(blocks):
        if merged and merged[-1].last + 1 == block.first:
            merged[-1] = Block(merged[-1].first, block.last)
        else:
            merged.append(block)
    return merged
