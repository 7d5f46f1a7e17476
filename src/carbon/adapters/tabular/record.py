"""Single records as rows of a chunk: the same columns, checks and codes as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import pyarrow as pa

from carbon.adapters.executors import Inline
from carbon.adapters.tabular.chunk import TableChunk
from carbon.adapters.tabular.mapping import Mapping as ColumnMapping
from carbon.adapters.tabular.mapping import Rule
from carbon.adapters.tabular.survey import Survey, survey
from carbon.adapters.tabular.tables import Held
from carbon.domain.activity.record import COLUMNS, Vocabulary
from carbon.domain.errors import CarbonError

#: How many ways to name columns are remembered; a station has one.
_HEADERS = 256
_RULES = {column.name: Rule.model_validate({"from": column.name}) for column in COLUMNS}


def canonical_cells(cells: Mapping[str, str]) -> dict[str, str]:
    """The cells of a record by canonical column, which it may name in code, Chinese or English.

    Raises ``columns.*``, and ``record.json`` for what is no Unicode text (half a surrogate pair).
    """
    try:
        "".join((*cells, *cells.values())).encode()
    except UnicodeEncodeError as error:
        raise CarbonError("record.json", reason=error.reason) from error
    return {name: cells[header] for name, header in _placed(tuple(cells))}


@lru_cache(_HEADERS)
def _placed(header: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Canonical columns, and what this header calls them."""
    rules = ColumnMapping().place(list(header), "record")
    named = {name.strip(): name for name in header}
    return tuple((column, named[rule.source or ""]) for column, rule in rules.items())


def record_chunk(
    records: Sequence[Mapping[str, str]], vocabularies: Mapping[str, Vocabulary]
) -> TableChunk:
    """Records by canonical column, each in a row of its own."""
    names = [name for name in _RULES if any(name in record for record in records)]
    table = pa.table(
        {n: pa.array([record.get(n) or None for record in records], pa.string()) for n in names}
    )
    return TableChunk(Held(table), {n: _RULES[n] for n in names}, vocabularies, 0)


def record_survey(chunk: TableChunk) -> Survey:
    """Parties of single records, and which of these have to do with one another."""
    return survey(iter([chunk]), "records", Inline())
