"""Write simulated acts as Parquet or CSV."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from carbon.adapters.tabular.tables import CHUNK_ROWS
from carbon.domain.errors import CarbonError
from carbon.domain.period import NO_DAY
from carbon.domain.simulation import Block, Numbered, Words

_DAYS = ("occurred_on", "returned_on")
_WHOLE = ("quantity", "price_fen")


def to_table(block: Block) -> pa.Table:
    """A block as an Arrow table with canonical column types."""
    return pa.table({name: _column(name, values) for name, values in block.items()})


def _column(name: str, values: object) -> pa.Array:
    if isinstance(values, Words):
        codes = pa.array(values.codes, pa.int32(), mask=values.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(values.words, pa.string()))
    if isinstance(values, Numbered):
        digits = pa.array(values.numbers, mask=values.numbers < 0).cast(pa.string())
        return pc.binary_join_element_wise(
            values.prefix, pc.utf8_lpad(digits, values.width, "0"), ""
        )
    numbers = np.asarray(values)
    if name in _DAYS:
        days = numbers.astype(np.int32)
        return pa.array(days, mask=days == NO_DAY).cast(pa.date32())
    if name in _WHOLE:
        return pa.array(numbers, pa.int64(), mask=numbers < 0)
    return pa.array(numbers, mask=np.isnan(numbers))


def write_blocks(blocks: Iterable[Block], path: Path, progress: Callable[[int], None]) -> int:
    """Write blocks by the file's ending; returns the rows written.

    Raises ``file.format`` for another ending, ``file.output`` where it cannot be written.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise CarbonError("file.format", path=path, reason=path.suffix)
    partial = path.with_name(f".{path.name}.part")
    rows, writer = 0, None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for block in blocks:
            table = to_table(block)
            if writer is None:
                writer = _writer(path.suffix, partial, table.schema)
            writer.write_table(_plain(table) if path.suffix == ".csv" else table, CHUNK_ROWS)
            rows += table.num_rows
            progress(rows)
        if writer is not None:
            writer.close()
        os.replace(partial, path)
    except OSError as error:
        raise CarbonError("file.output", path=path, reason=error.strerror or error) from error
    finally:
        partial.unlink(missing_ok=True)
    return rows


def _writer(suffix: str, path: Path, schema: pa.Schema) -> pq.ParquetWriter | pacsv.CSVWriter:
    if suffix == ".csv":
        return pacsv.CSVWriter(path, _plain_schema(schema))
    dictionary = [f.name for f in schema if pa.types.is_dictionary(f.type)]
    return pq.ParquetWriter(path, schema, use_dictionary=dictionary)


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema(
        [(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in schema]
    )


def _plain(table: pa.Table) -> pa.Table:
    return table.cast(_plain_schema(table.schema))
