"""Read a folder of factor tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.factors.table import REQUIRED, RawTable

#: A factor table is edited by people; anything larger is some other file.
MAX_TABLE_BYTES = 8_000_000
MAX_TABLES = 100


def read_tables(folder: Path) -> dict[str, RawTable]:
    """Every CSV of a folder by name, cells trimmed.

    Raises ``factors.folder`` if it is no factor folder, ``factors.encoding`` if a file is not
    CSV in UTF-8, ``file.too_large`` past the limits.
    """
    paths = sorted(p for p in folder.glob("*.csv") if p.is_file()) if folder.is_dir() else []
    lacking = [f"{name}.csv" for name in REQUIRED if folder / f"{name}.csv" not in paths]
    if lacking:
        raise CarbonError("factors.folder", path=folder, missing=", ".join(lacking))
    if len(paths) > MAX_TABLES:
        raise CarbonError(
            "file.too_large", path=folder, what="CSV", value=len(paths), limit=MAX_TABLES
        )
    return {path.stem: parse_table(path.stem, _read(path)) for path in paths}


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_TABLE_BYTES:
        raise CarbonError(
            "file.too_large", path=path, what="bytes", value=size, limit=MAX_TABLE_BYTES
        )
    return path.read_bytes()


def parse_table(name: str, content: bytes) -> RawTable:
    """A table from the bytes of its file. Raises ``factors.encoding``."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = tuple(cell.strip() for cell in next(reader, ()))
        rows = tuple((reader.line_num, _row(header, cells)) for cells in reader if any(cells))
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise CarbonError("factors.encoding", value=f"{name}.csv: {error}") from error
    return RawTable(name, header, rows)


def _row(header: tuple[str, ...], cells: list[str]) -> Mapping[str, str]:
    return dict(zip(header, (cell.strip() for cell in cells), strict=True))


def read_catalogue(folder: Path) -> Catalogue:
    """Read, check and build the catalogue of a folder. Raises ``factors.*``."""
    return Catalogue.of(read_tables(folder), str(folder))
