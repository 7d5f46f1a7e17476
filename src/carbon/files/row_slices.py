"""A row file a slice at a time: what each slice holds, and what is wrong with its rows.

A slice is checked by a plain function of plain values, so that other processes can do it.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from carbon.domain.errors import CarbonError
from carbon.domain.log.merkle import hash_leaves
from carbon.domain.quantification.recompute import Recomputation, Terms
from carbon.domain.units import Int
from carbon.files.published_form import MAX_ROW_BYTES, read_row

#: Faults told of one slice; the rest are counted.
MAX_FAULTS = 100
#: Stands for the id of a row that has none.
NO_ID = bytes(16)


@dataclass(slots=True)
class Checked:
    """A slice: its rows' leaf hashes, ids (16 bytes each) and ends, their sum, their faults.

    ``faults``: by position in the slice; ``more``: how many were not kept.
    """

    hashes: bytes
    ends: Int
    ids: bytes
    er_g: int
    faults: list[tuple[int, CarbonError]] = field(default_factory=list)
    more: int = 0

    def __len__(self) -> int:
        return len(self.ends)


def slices(blocks: Iterator[bytes], limit: int = MAX_ROW_BYTES) -> Iterator[bytes]:
    """Whole lines, some at a time; the last one may lack its end. Raises ``leaf.too_large``."""
    rest = b""
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if cut:
            yield rest + block[:cut]
            rest = block[cut:]
        else:
            rest += block
        if len(rest) > limit:
            raise CarbonError("leaf.too_large", size=len(rest), limit=limit)
    if rest:
        yield rest


@lru_cache(maxsize=4)
def recomputation(terms: bytes) -> Recomputation:
    """What checks rows on some pickled :class:`Terms`."""
    found: Terms = pickle.loads(terms)  # noqa: S301  this program's own bytes, never a file's
    return Recomputation(found)


def check_slice(content: bytes, terms: bytes | None) -> Checked:
    """Check the rows of a slice; without terms their form only."""
    lines = content.split(b"\n")
    ends = np.cumsum([len(line) + 1 for line in lines])
    if not lines[-1]:
        lines.pop()
        ends = ends[:-1]
    else:
        ends[-1] -= 1
    faults_of = recomputation(terms).faults if terms else lambda _: []
    checked, ids = Checked(hash_leaves(lines), ends, b"", 0), []
    for place, line in enumerate(lines):
        try:
            row = read_row(line)
            checked.er_g += int(row["er_g"])
            ids.append(row["id"])
            faults = faults_of(row)
        except CarbonError as error:
            ids.append(NO_ID.hex())
            faults = [error]
        if faults:
            _keep(checked, place, faults)
    checked.ids = bytes.fromhex("".join(ids))
    return checked


def _keep(checked: Checked, place: int, faults: list[CarbonError]) -> None:
    kept = faults[: MAX_FAULTS - len(checked.faults)]
    checked.faults += [(place, fault) for fault in kept]
    checked.more += len(faults) - len(kept)
