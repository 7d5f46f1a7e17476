"""Serial blocks: issued once for ever, held by somebody now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.domain.credit.issuance import Block, cut, merge, take
from carbon.domain.errors import CarbonError

_held = t.holding
#: Digits that the number of a block's serials has at most, as serials have.
_SIZES = 12
_NAMING = sa.union(
    *(
        sa.select(t.mention.c.fact_seq).where(
            t.mention.c.size == size,
            t.mention.c.first.between(sa.bindparam("first") - 10**size + 2, sa.bindparam("last")),
            t.mention.c.last >= sa.bindparam("first"),
        )
        for size in range(1, _SIZES + 1)
    )
).order_by("fact_seq")


class Serials:
    """Blocks and holdings inside somebody's transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def blocks(self, asset: str, account: str, hold: str | None = None) -> list[Block]:
        """Blocks of an account that are free, or those a hold reserves, ascending."""
        query = (
            sa.select(_held.c.first, _held.c.last)
            .where(_held.c.asset == asset, _held.c.account == account, _is(hold))
            .order_by(_held.c.first)
        )
        return [Block(row.first, row.last) for row in self._connection.execute(query)]

    def reserved(self, hold: str) -> list[tuple[str, str, Block]]:
        """What a hold reserves: asset, account and block, ascending."""
        query = sa.select(_held).where(_held.c.hold == hold).order_by(_held.c.first)
        rows = self._connection.execute(query)
        return [(row.asset, row.account, Block(row.first, row.last)) for row in rows]

    def issue(self, asset: str, shares: Sequence[tuple[str, int]]) -> list[Block]:
        """Hold the next serial numbers, one block for each account and its number of credits.

        Their fact follows with :meth:`record`, in the same transaction.
        """
        last = self._connection.execute(sa.select(sa.func.max(t.block.c.last))).scalar() or 0
        found = []
        for account, credits_ in shares:
            found.append(Block(last + 1, last + credits_))
            last += credits_
            self._put(asset, account, found[-1:])
        return found

    def record(self, asset: str, blocks: Sequence[Block], seq: int) -> None:
        """Append issued blocks as facts of a decision."""
        rows = [{"first": b.first, "last": b.last, "asset": asset, "fact_seq": seq} for b in blocks]
        self._connection.execute(sa.insert(t.block), rows)

    def mention(self, blocks: Iterable[Block], seq: int) -> None:
        """Note that a decision names some blocks."""
        rows = [
            {"fact_seq": seq, "first": b.first, "last": b.last, "size": _size(len(b))}
            for b in sorted(set(blocks))
        ]
        if rows:
            self._connection.execute(sa.insert(t.mention), rows)

    def naming(self, block: Block) -> list[int]:
        """Numbers of the decisions that name serials of a block, ascending.

        Ranges of one size begin less than so many serials before what they reach.
        """
        asked = {"first": block.first, "last": block.last}
        return list(self._connection.execute(_NAMING, asked).scalars())

    def reserve(self, hold: str, asset: str, account: str, wanted: int | Block) -> list[Block]:
        """Set free blocks aside. Raises ``serial.short``, ``serial.elsewhere``."""
        free = self.blocks(asset, account)
        if isinstance(wanted, Block):
            around = next((block for block in free if wanted.within(block)), None)
            if around is None:
                raise CarbonError("serial.elsewhere", serials=wanted)
            taken, touched, left = [wanted], [around], cut(around, wanted)
        else:
            taken, left = take(free, wanted)
            touched = [block for block in free if any(part.within(block) for part in taken)]
        self._remove(touched)
        self._put(asset, account, left)
        self._put(asset, account, taken, hold)
        return taken

    def release(self, hold: str) -> None:
        """Undo a reservation; neighbouring blocks are one again."""
        for asset, account, block in self.reserved(hold):
            self._remove([block])
            self._join(asset, account, [block])

    def move(self, hold: str, to: str) -> list[Block]:
        """Give reserved blocks to another account, where they join their neighbours."""
        moved = self.reserved(hold)
        blocks = [block for _, _, block in moved]
        self._remove(blocks)
        for asset in {asset for asset, _, _ in moved}:
            self._join(asset, to, [block for own, _, block in moved if own == asset])
        return blocks

    def _join(self, asset: str, account: str, blocks: Sequence[Block]) -> None:
        """Put blocks beside the free ones they touch, as one range each."""
        edges = {block.first - 1 for block in blocks} | {block.last + 1 for block in blocks}
        near = sa.or_(_held.c.first.in_(edges), _held.c.last.in_(edges))
        query = sa.select(_held.c.first, _held.c.last).where(
            _held.c.asset == asset, _held.c.account == account, _is(None), near
        )
        beside = [Block(row.first, row.last) for row in self._connection.execute(query)]
        self._remove(beside)
        self._put(asset, account, merge([*beside, *blocks]))

    def _remove(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            self._connection.execute(sa.delete(_held).where(_held.c.first == block.first))

    def _put(
        self, asset: str, account: str, blocks: Iterable[Block], hold: str | None = None
    ) -> None:
        rows = [
            {"first": b.first, "last": b.last, "asset": asset, "account": account, "hold": hold}
            for b in blocks
        ]
        if rows:
            self._connection.execute(sa.insert(_held), rows)


def _size(count: int) -> int:
    return len(str(count))


def _is(hold: str | None) -> sa.ColumnElement[bool]:
    return _held.c.hold.is_(None) if hold is None else _held.c.hold == hold
