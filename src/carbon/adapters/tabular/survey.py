"""The first look at a submission: which rows have to do with one another, and who its parties are.

One pass over the columns that identify records, items and parties. Everything else about a record
is looked at in the second pass, a chunk at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from carbon.adapters.executors import Threads
from carbon.adapters.tabular import typed
from carbon.adapters.tabular.chunk import TableChunk
from carbon.adapters.tabular.identity import hashes, suspect_rows
from carbon.domain.activity.duplicates import PAIR_DAYS
from carbon.domain.errors import CarbonError
from carbon.domain.units import Code, Int
from carbon.ports import Executor

#: Columns that say who, what and when.
IDENTIFYING = (
    "record_id", "item_id", "giver", "receiver", "item_type", "occurred_on", "enterprise",
)  # fmt: skip
#: Rows one submission may have; a million is a month of a large market place.
MAX_ROWS = 2_000_000
#: Two days at most :data:`PAIR_DAYS` apart share one of two overlapping stretches of this length.
_STRETCH = 2 * PAIR_DAYS
#: Parties are numbered in parts, by a hash: a table of all of them would be the largest thing here.
_PARTS = 4
#: Rows that are few enough to be numbered in one part.
_FEW = 10_000


@dataclass(frozen=True, slots=True)
class Survey:
    """``suspects``: file rows, ascending, that may have to do with another row.

    ``identities``: the distinct parties, folded; ``giver``, ``receiver``: by file row, the place
    of its party among them, −1 where there is none.
    """

    suspects: Int
    identities: pa.Array
    giver: Code
    receiver: Code


@dataclass(slots=True)
class _Parties:
    rows: Int
    giver: pa.Array
    receiver: pa.Array


def survey(
    chunks: Iterator[TableChunk],
    path: object,
    executor: Executor = Threads(),  # noqa: B008  holds nothing but a number
) -> Survey:
    """Look at the identifying columns of all chunks. Raises ``file.too_large``."""
    parties: list[_Parties] = []
    suspects = suspect_rows(
        (partial(_identifiers, chunk, parties) for chunk in chunks),
        ("record_id", "item_id", "pair_even", "pair_odd"),
        path,
        executor,
    )
    last = max((int(p.rows[-1]) for p in parties if len(p.rows)), default=0)
    if sum(len(p.rows) for p in parties) > MAX_ROWS:
        raise CarbonError("file.too_large", path=path, what="rows", value=last, limit=MAX_ROWS)
    giver, receiver = (np.full(last + 1, -1, np.int32) for _ in range(2))
    identities: list[pa.Array] = [pa.array([], pa.string())]
    parts = 1 if last < _FEW else _PARTS
    for part in range(parts):
        own = part, parts
        identities.append(_encode(parties, own, sum(map(len, identities)), giver, receiver))
    if parts > 1:
        # Finding a million distinct parties takes more memory than all that follows.
        pa.default_memory_pool().release_unused()
    return Survey(suspects, pa.concat_arrays(identities), giver, receiver)


def _encode(
    parties: Sequence[_Parties], own: tuple[int, int], first: int, giver: Code, receiver: Code
) -> pa.Array:
    """Number the distinct parties of one part of several from ``first`` on; returns them."""
    part, parts = own
    places, cells = [], []
    for p in parties:
        for column, numbers in ((p.giver, giver), (p.receiver, receiver)):
            mine = typed.valid(column)
            if parts > 1:
                mine &= hashes(column) % np.uint64(parts) == part
            if mine.any():
                places.append((numbers, p.rows[mine]))
                cells.append(column.filter(pa.array(mine)))
    if not cells:
        return pa.array([], pa.string())
    encoded = pa.chunked_array(cells, pa.string()).dictionary_encode()
    for (numbers, rows), chunk in zip(places, encoded.chunks, strict=True):
        numbers[rows] = chunk.indices.to_numpy() + first
    return encoded.chunk(0).dictionary


def _identifiers(chunk: TableChunk, parties: list[_Parties]) -> tuple[Mapping[str, pa.Array], Int]:
    """Folded identifiers of a chunk; notes its parties on the way."""
    rows = chunk.row_numbers()
    giver, receiver = (chunk.folded(name) for name in ("giver", "receiver"))
    parties.append(_Parties(rows, giver, receiver))
    return {
        "record_id": chunk.folded("record_id"),
        "item_id": chunk.folded("item_id"),
        **_pairs(chunk, seller(chunk), receiver),
    }, rows


def seller(chunk: TableChunk) -> pa.Array:
    """Who handed over: the giver, or the enterprise; folded, empty where neither is named.

    A site is a place, no party: the same act is told of two sites more often than the same
    receiver gets two things of one kind and mass from two unnamed sellers within days.
    """
    named = pc.coalesce(*(chunk.folded(name) for name in ("giver", "enterprise")))
    return pc.fill_null(named, "")


def _pairs(chunk: TableChunk, given_by: pa.Array, receiver: pa.Array) -> dict[str, pa.Array]:
    """Seller, receiver, item type and stretch of days, in two overlapping cuts of the calendar."""
    item = pa.array(chunk.codes("item_type")).cast(pa.string())
    days = chunk.days("occurred_on").astype(np.int64)
    found = {}
    for name, shift in (("pair_even", 0), ("pair_odd", PAIR_DAYS)):
        stretch = pa.array((days + shift) // _STRETCH).cast(pa.string())
        found[name] = pc.binary_join_element_wise(given_by, receiver, item, stretch, "\n")
    return found
