"""Who holds which serials: decisions replayed in order, from the first issuance on.

The same replay serves an auditor, who has the leaves of a log, and a reconciliation, which has the
facts of a database.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from carbon.domain.credit.decision import Decision
from carbon.domain.credit.history import History
from carbon.domain.credit.issuance import Block, merge
from carbon.domain.credit.moving import BUFFER, CANCELLED, MOVING, giver, holder, target, wanted
from carbon.domain.credit.project import project_named
from carbon.domain.credit.restating import issuance_of
from carbon.domain.errors import CarbonError


@dataclass(frozen=True, slots=True, order=True)
class Holding:
    """A range of serials in an account of an asset."""

    block: Block
    asset: str
    account: str


class Holdings:
    """All issued serials, each in one account. ``last``: the last one issued."""

    def __init__(self) -> None:
        self._held: dict[int, Holding] = {}
        self._firsts: list[int] = []
        self.last = 0

    def __iter__(self) -> Iterator[Holding]:
        """By serial, neighbours of one account joined."""
        return joined(self._held[first] for first in self._firsts)

    def count(self, asset: str, account: str) -> int:
        """Credits of an asset in an account."""
        own = (h for h in self._held.values() if (h.asset, h.account) == (asset, account))
        return sum(len(held.block) for held in own)

    def issue(self, asset: str, account: str, block: Block) -> None:
        """Add serials, which follow the last ones. Raises ``serial.next``."""
        if block.first != self.last + 1:
            raise CarbonError("serial.next", serials=block, last=self.last)
        self._put(Holding(block, asset, account))
        self.last = block.last

    def move(self, asset: str, source: str, to: str, block: Block) -> None:
        """Give serials to another account. Raises ``serial.not_held`` unless all are its own."""
        touched = self._touched(block)
        if sum(_shared(held.block, block) for held in touched) < len(block) or any(
            (held.asset, held.account) != (asset, source) for held in touched
        ):
            raise CarbonError("serial.not_held", serials=block, account=source)
        for held in touched:
            self._take(held)
            for first, last in (
                (held.block.first, block.first - 1),
                (block.last + 1, held.block.last),
            ):
                if first <= last:
                    self._put(Holding(Block(first, last), asset, source))
        self._put(Holding(block, asset, to))

    def _touched(self, block: Block) -> list[Holding]:
        """Holdings that share serials with a block."""
        start = max(0, bisect_right(self._firsts, block.first) - 1)
        end = bisect_right(self._firsts, block.last)
        found = (self._held[first] for first in self._firsts[start:end])
        return [held for held in found if _shared(held.block, block)]

    def _put(self, held: Holding) -> None:
        self._held[held.block.first] = held
        insort(self._firsts, held.block.first)

    def _take(self, held: Holding) -> None:
        del self._held[held.block.first]
        self._firsts.pop(bisect_right(self._firsts, held.block.first) - 1)


def joined(ordered: Iterable[Holding]) -> Iterator[Holding]:
    """Holdings in the order of serials, neighbours of one account as one."""
    for (asset, account), held in groupby(ordered, key=lambda h: (h.asset, h.account)):
        for block in merge(one.block for one in held):
            yield Holding(block, asset, account)


def _shared(one: Block, other: Block) -> int:
    return max(0, min(one.last, other.last) - max(one.first, other.first) + 1)


# --- replay ---------------------------------------------------------------------------------------


def blocks_told(told: Iterable[Mapping[str, Any]]) -> list[Block]:
    """Serial blocks as a leaf tells them."""
    return [Block(int(one["first"]), int(one["last"])) for one in told]


def blocks_of(effect: Mapping[str, Any]) -> list[Block]:
    """Serial blocks that a decision's effect names, those inside restated reports too."""
    restated = (told["serials"] for told in effect.get("reports", ()))
    return [block for told in (effect.get("serials", ()), *restated) for block in blocks_told(told)]


def replay(holdings: Holdings, history: History, decision: Decision) -> None:
    """Do to holdings what a decision did; ``history``: what was decided before it.

    Raises ``serial.*``, and ``project.unknown`` or ``restatement.not_issued`` for what a
    restatement names.
    """
    if decision.kind == "issuance":
        _issue(holdings, decision.effect)
    elif decision.kind in MOVING:
        _move(holdings, decision)
    elif decision.kind == "restatement":
        for told in decision.effect["reports"]:
            _cancel(holdings, history, told)


def _issue(holdings: Holdings, effect: Mapping[str, Any]) -> None:
    blocks = blocks_told(effect["serials"])
    _check_count(blocks, int(effect["credits"]))
    for told, block in zip(effect["serials"], blocks, strict=True):
        holdings.issue(effect["asset"], told["account"], block)


def _move(holdings: Holdings, decision: Decision) -> None:
    content = decision.content
    blocks = blocks_told(decision.effect["serials"])
    _check_count(blocks, int(content["credits"]))
    asked = wanted(content)
    if isinstance(asked, Block) and blocks != [asked]:
        raise CarbonError("serial.count", serials=_listed(blocks), credits=asked)
    source, to = holder(giver(decision.kind, content)), target(decision.kind, content)
    for block in blocks:
        holdings.move(content["asset"], source, to, block)


def _cancel(holdings: Holdings, history: History, told: Mapping[str, Any]) -> None:
    """The buffer's serials come first, then the owner's."""
    asset = issuance_of(history, told["report"]).decision.effect["asset"]
    owner = project_named(history, told["report"].partition("/")[0]).content["owner"]
    blocks = blocks_told(told["serials"])
    from_buffer = int(told["buffer"])
    _check_count(blocks, from_buffer + int(told["owner"]))
    for block in blocks:
        source = BUFFER if from_buffer > 0 else holder(owner)
        holdings.move(asset, source, CANCELLED, block)
        from_buffer -= len(block)


def _check_count(blocks: Sequence[Block], credits_: int) -> None:
    if sum(map(len, blocks)) != credits_:
        raise CarbonError("serial.count", serials=_listed(blocks), credits=credits_)


def _listed(blocks: Sequence[Block]) -> str:
    return ", ".join(map(str, blocks)) or "—"
