"""A result folder: records.parquet, rejects.csv, summary.json, report.html. Finished or absent.

Everything is written into a hidden sibling of the target and renamed at the end, so that a reader
never meets half a result.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from carbon.adapters.columns import (
    Kept,
    coded,
    day_column,
    flag_words,
    number_column,
    string_column,
)
from carbon.adapters.tabular import typed
from carbon.adapters.tabular.chunk import TableChunk
from carbon.domain.activity.record import COLUMNS, Finding, Vocabulary
from carbon.domain.errors import FAULTS, CarbonError, Lang
from carbon.domain.factors.table import GRADES
from carbon.domain.quantification.engine import Engine, Quantities
from carbon.domain.quantification.trace import FACTOR, GRAMS
from carbon.ports import SUMMARY_VERSION

RECORDS, REJECTS, SUMMARY, REPORT = (
    "records.parquet",
    "rejects.csv",
    "summary.json",
    "report.html",
)

_REJECT_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("record_id", pa.string()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("code", pa.string()),
        ("message", pa.string()),
        ("fix", pa.string()),
        ("detail", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class EncodedTables:
    """A chunk's accepted records and rejects as Arrow tables."""

    records: pa.Table
    rejects: pa.Table


class TableEncoder:
    """Turns quantities into the output's columns; pickles to wherever chunks are quantified."""

    def __init__(self, engine: Engine, vocabularies: Mapping[str, Vocabulary], lang: Lang) -> None:
        self._lang = lang
        self._words = {name: pa.array(v.codes, pa.string()) for name, v in vocabularies.items()}
        self._rows = pa.array(engine.resolver.rows.ids, pa.string())
        self._reasons = [*(row.grade_reason for row in engine.catalogue.rows), ""]
        self._grades = pa.array(GRADES, pa.string())
        self._roles = [role.name for role in engine.methodology.roles]
        self._flags = flag_words()

    def __call__(self, chunk: TableChunk, quantities: Quantities) -> EncodedTables:
        """Accepted records with grams and factor rows; one reject row per finding."""
        return EncodedTables(
            self._records(chunk, quantities), self._rejects(chunk, quantities.findings)
        )

    def _records(self, chunk: TableChunk, quantities: Quantities) -> pa.Table:
        batch = chunk.batch()
        kept = Kept(quantities.rejected)
        columns: dict[str, pa.Array] = {}
        for column in COLUMNS:
            name = column.name
            if column.kind == "code":
                columns[name] = coded(kept.array(batch.codes[name]), self._words[name])
            elif column.kind == "day":
                columns[name] = day_column(kept.array(batch.days[name]))
            elif column.kind == "text":
                columns[name] = kept.cells(string_column(chunk.column(name)))
            else:
                values = kept.array(batch.numbers[name])
                columns[name] = number_column(values, whole=column.kind == "whole")
        columns["row"] = pa.array(kept.array(batch.row))
        for name in GRAMS:
            columns[name] = pa.array(kept.array(getattr(quantities, name)))
        columns["life"] = pa.array(kept.array(quantities.life))
        columns["grade"] = coded(kept.array(quantities.grade), self._grades)
        columns["flags"] = coded(kept.array(quantities.flags), self._flags)
        for role in self._roles:
            columns[FACTOR + role] = coded(kept.array(quantities.rows[role]), self._rows)
        return pa.table(columns)

    def _rejects(self, chunk: TableChunk, findings: Sequence[Finding]) -> pa.Table:
        parts = [self._reject(chunk, found) for found in findings if len(found.rows)]
        if not parts:
            return _REJECT_SCHEMA.empty_table()
        return pa.concat_tables(parts).sort_by([("row", "ascending")])

    def _reject(self, chunk: TableChunk, found: Finding) -> pa.Table:
        fault, size = FAULTS[found.code], len(found.rows)
        place = pa.array(found.rows, pa.int64())
        rows = chunk.row_numbers()[found.rows]

        def same(text: str) -> pa.Array:
            return pa.repeat(pa.scalar(text, pa.string()), size)

        detail = same("")
        if found.detail is not None:
            detail = pa.array([self._reasons[row] for row in found.detail.tolist()], pa.string())
        return pa.table(
            [
                pa.array(rows, pa.int64()),
                typed.text(chunk.column("record_id").take(place)),
                same(found.column),
                pc.utf8_slice_codeunits(typed.text(chunk.column(found.column).take(place)), 0, 100),
                same(found.code),
                same(fault.what.say(self._lang)),
                same(fault.fix.say(self._lang)),
                detail,
            ],
            schema=_REJECT_SCHEMA,
        )


class TableFolder:
    """Writes a result folder; implements the port ``ResultFolder``.

    Raises ``file.output_exists`` unless the target is absent or empty, ``file.output`` where it
    cannot be written.
    """

    def __init__(self, target: Path, encoder: TableEncoder, lang: Lang) -> None:
        self._target = target
        self._lang = lang
        self.encoder = encoder
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise CarbonError("file.output_exists", path=target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        except OSError as error:
            raise CarbonError("file.output", path=target, reason=error.strerror) from error
        self._records: pq.ParquetWriter | None = None
        self._rejects = pacsv.CSVWriter(self._folder / REJECTS, _REJECT_SCHEMA)

    def write(self, encoded: EncodedTables) -> None:
        """Append a chunk."""
        try:
            if self._records is None:
                self._records = self._open_records(encoded.records.schema)
            if encoded.records.num_rows:
                self._records.write_table(encoded.records, encoded.records.num_rows)
            if encoded.rejects.num_rows:
                self._rejects.write_table(encoded.rejects)
        except OSError as error:
            raise CarbonError("file.output", path=self._target, reason=error) from error

    def _open_records(self, schema: pa.Schema) -> pq.ParquetWriter:
        dictionary = [f.name for f in schema if pa.types.is_dictionary(f.type)]
        return pq.ParquetWriter(
            self._folder / RECORDS,
            schema,
            compression="snappy",
            use_dictionary=dictionary,
            write_statistics=["record_id", "occurred_on", "row"],
            store_schema=True,
        )

    def write_malformed(self, rows: Mapping[int, str]) -> None:
        """Append rejects for rows that hold no record."""
        if not rows:
            return
        fault, count = FAULTS["row.shape"], len(rows)
        columns = {
            "row": list(rows),
            "record_id": [""] * count,
            "column": [""] * count,
            "value": [text[:100] for text in rows.values()],
            "code": [fault.code] * count,
            "message": [fault.what.say(self._lang)] * count,
            "fix": [fault.fix.say(self._lang)] * count,
            "detail": [""] * count,
        }
        self._rejects.write_table(pa.table(columns, schema=_REJECT_SCHEMA))

    def finish(self, summary: Mapping[str, object], report: str) -> None:
        """Write summary and report, then rename the folder into place."""
        try:
            self._close()
            text = json.dumps(summary, ensure_ascii=False, indent=1)
            (self._folder / SUMMARY).write_text(text + "\n", encoding="utf-8")
            (self._folder / REPORT).write_text(report, encoding="utf-8")
            self._folder.chmod(0o755)
            if self._target.is_dir():
                self._target.rmdir()
            os.replace(self._folder, self._target)
        except OSError as error:
            raise CarbonError("file.output", path=self._target, reason=error) from error

    def _close(self) -> None:
        self._rejects.close()
        if self._records is not None:
            self._records.close()

    def abandon(self) -> None:
        """Remove what was written so far."""
        self._close()
        shutil.rmtree(self._folder, ignore_errors=True)


class StoredResult:
    """A finished result folder, opened for questions. Raises ``result.invalid``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.summary: dict[str, object] = json.loads((folder / SUMMARY).read_text("utf-8"))
            self._records = pq.ParquetFile(folder / RECORDS)
            version = self.summary["version"]
        except (OSError, LookupError, TypeError, ValueError, pa.ArrowException) as error:
            raise CarbonError("result.invalid", path=folder, reason=error) from error
        if version != SUMMARY_VERSION:
            raise CarbonError("result.invalid", path=folder, reason=f"version {version}")

    def record(self, record_id: str) -> dict[str, object]:
        """All stored columns of a record. Raises ``record.unknown``."""
        for group in range(self._records.num_row_groups):
            ids = self._records.read_row_group(group, columns=["record_id"]).column(0)
            place = pc.index(ids, record_id).as_py()
            if place >= 0:
                row = self._records.read_row_group(group).slice(place, 1)
                return dict(row.to_pylist()[0])
        reasons = self._reasons(record_id)
        if reasons:
            raise CarbonError("record.rejected", record_id=record_id, reasons=", ".join(reasons))
        raise CarbonError("record.unknown", path=self.folder, record_id=record_id)

    def _reasons(self, record_id: str) -> list[str]:
        """Why a record was rejected: code and column."""
        with (self.folder / REJECTS).open(encoding="utf-8", newline="") as stream:
            return [
                f"{row['code']} ({row['column']})"
                for row in csv.DictReader(stream)
                if row["record_id"] == record_id
            ]
