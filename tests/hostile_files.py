"""Hostile, broken and messy files, each with what it is told (TRUST S12)."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import date, datetime

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from carbon.adapters.tabular import xlsx_file
from carbon.domain.activity.record import COLUMNS
from conftest import PHONE

NAMES = [c.name for c in COLUMNS]
LINE = ",".join(PHONE.get(n, "") for n in NAMES)
HEAD = ",".join(NAMES)


def line(**cells: str) -> str:
    return ",".join({**PHONE, **cells}.get(n, "") for n in NAMES)


def csv_text(*lines: str, head: str = HEAD) -> bytes:
    return ("\n".join([head, *lines]) + "\n").encode()


def workbook(
    rows: list[list[object]], change: Callable[[openpyxl.Workbook], None] = lambda _: None
) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    change(book)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


PHONE_ROW = [PHONE.get(n) for n in NAMES]


def bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    return stream.getvalue()


def many_entries() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(xlsx_file.MAX_ENTRIES + 1):
            archive.writestr(f"{number}.xml", "")
    return stream.getvalue()


def parquet(**columns: object) -> bytes:
    table = {n: [PHONE.get(n)] for n in NAMES} | columns
    stream = io.BytesIO()
    pq.write_table(pa.table(table), stream)
    return stream.getvalue()


def merged(book: openpyxl.Workbook) -> None:
    book.active.merge_cells("A2:B2")


def second_sheet(book: openpyxl.Workbook) -> None:
    book.create_sheet("11月").append(["more"])


def hidden_sheet(book: openpyxl.Workbook) -> None:
    old = book.create_sheet("old", 0)
    old.append(["forgotten"])
    old.sheet_state = "hidden"
    book.active = 1


def epoch_1904(book: openpyxl.Workbook) -> None:
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    book.epoch = CALENDAR_MAC_1904


def encrypted() -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


REFUSED: list[tuple[str, str, bytes, str]] = [
    ("empty file", "a.csv", b"", "file.empty"),
    ("header only", "a.csv", csv_text(), "file.empty"),
    ("blank lines only", "a.csv", b"\n\n\n", "file.empty"),
    ("a photo", "a.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "file.encoding"),
    ("NUL bytes", "a.csv", csv_text(line(note="a\0b")), "file.format"),
    ("latin-1", "a.csv", csv_text(line()) + b"\xff\xfe\xe9\xa0,\xe8\n", "file.encoding"),
    ("UTF-16 cut in half", "a.csv", csv_text(line()).decode().encode("utf-16")[:-1], "file.encoding"),
    ("an old Excel file", "a.xls", encrypted(), "file.format"),
    ("gzip", "a.csv.gz", b"\x1f\x8b\x08" + b"\0" * 50, "file.format"),
    ("a PDF", "a.csv", b"%PDF-1.7\n" + b"x" * 100, "file.format"),
    ("a zip that is no workbook", "a.xlsx", many_entries()[:200], "file.format"),
    ("a zip bomb", "a.xlsx", bomb(), "file.zip_bomb"),
    ("a zip of thousands of parts", "a.xlsx", many_entries(), "file.too_large"),
    ("a truncated workbook", "a.xlsx", workbook([NAMES, PHONE_ROW])[:2500], "file.format"),
    ("an empty workbook", "a.xlsx", workbook([]), "file.empty"),
    ("merged cells", "a.xlsx", workbook([NAMES, PHONE_ROW], merged), "file.merged_cells"),
    ("a formula nobody computed", "a.xlsx", workbook([NAMES, [*PHONE_ROW[:5], "=1+1", *PHONE_ROW[6:]]]), "file.error_cells"),
    ("an error value", "a.xlsx", workbook([NAMES, [*PHONE_ROW[:7], "#REF!", *PHONE_ROW[8:]]]), "file.error_cells"),
    ("a sheet per month", "a.xlsx", workbook([NAMES, PHONE_ROW], second_sheet), "file.sheets"),
    ("no row fits the header", "a.csv", csv_text("1,2,3", "4,5,6"), "file.format"),
    ("a truncated Parquet file", "a.parquet", parquet()[:300], "file.format"),
    ("a Parquet magic and nothing else", "a.parquet", b"PAR1", "file.format"),
    ("no record_id column", "a.csv", csv_text("x", head="occurred_on"), "columns.missing"),
    ("all columns renamed", "a.csv", csv_text("1,2", head="foo,bar"), "columns.missing"),
    ("an unknown column", "a.csv", csv_text(f"{LINE},1", head=f"{HEAD},colour"), "columns.unknown"),
    ("an unclosed quote", "a.csv", csv_text(line(note='"open'), line(record_id="r2")), "file.quotes"),
    ("the same column twice", "a.csv", csv_text(f"{LINE},1", head=f"{HEAD},act"), "columns.duplicate"),
    (
        "two hundred columns",
        "a.csv",
        csv_text(",".join("1" * 200), head=",".join(f"c{n}" for n in range(200))),
        "file.too_large",
    ),
    ("JSON", "a.json", json.dumps([PHONE]).encode(), "columns.missing"),
    ("a web page", "a.csv", b"<!doctype html><table><tr><td>1</td></tr></table>\n", "columns.missing"),
]  # fmt: skip

NAN_PARQUET = parquet(age_years=pa.array([float("nan")]))

REJECTED: list[tuple[str, str, bytes, set[str]]] = [
    ("NaN as text", "a.csv", csv_text(line(age_years="NaN")), {"number.invalid", "age.missing"}),
    ("infinity", "a.csv", csv_text(line(mass_kg="inf")), {"number.invalid"}),
    ("1e308", "a.csv", csv_text(line(mass_kg="1e308")), {"number.range", "mass.band"}),
    ("1e999", "a.csv", csv_text(line(mass_kg="1e999")), {"number.invalid"}),
    ("NaN in Parquet", "a.parquet", NAN_PARQUET, {"number.invalid", "age.missing"}),
    ("negative mass", "a.csv", csv_text(line(mass_kg="-0.2")), {"number.range", "mass.band"}),
    ("thousands separator", "a.csv", csv_text(line(price_fen='"1,200"')), {"number.invalid"}),
    ("a unit in the cell", "a.csv", csv_text(line(mass_kg="0.2kg")), {"number.invalid"}),
    ("mixed dates", "a.csv", csv_text(line(), line(record_id="r2", occurred_on="10/05/2026")), {"date.invalid"}),
    ("31 February", "a.csv", csv_text(line(occurred_on="2026-02-31")), {"date.invalid"}),
    ("year 9999", "a.csv", csv_text(line(occurred_on="9999-12-31")), {"date.range"}),
    ("duplicate ids", "a.csv", csv_text(line(), line()), {"record_id.duplicate"}),
    ("a short row", "a.csv", csv_text(line(), "r2,2026-10-05"), {"row.shape"}),
    ("a long row", "a.csv", csv_text(line(), LINE + ",1,2,3"), {"row.shape"}),
    ("quotes that swallow a row", "a.csv", csv_text(line(), line(record_id="r2", note='"open'), line(record_id="r3", note='close"')), {"row.shape"}),
    ("a huge cell", "a.csv", csv_text(line(note="x" * 100_000)), {"text.too_long"}),
    ("an injected formula", "a.csv", csv_text(line(quantity="=1+1")), {"number.invalid"}),
    ("a blank id", "a.csv", csv_text(line(record_id="   ")), {"text.missing"}),
    ("a time for a date", "a.parquet", parquet(occurred_on=pa.array([3_600], pa.time32("s"))), {"date.invalid"}),
    ("a list for a number", "a.parquet", parquet(quantity=pa.array([[1, 2]])), {"number.invalid"}),
    ("true for a mass", "a.parquet", parquet(mass_kg=pa.array([True])), {"number.invalid"}),
    ("an empty Excel row between", "a.xlsx", workbook([NAMES, PHONE_ROW, [], ["r2", *PHONE_ROW[1:5], None, *PHONE_ROW[6:]]]), {"quantity.missing"}),
    ("an emoji for an act", "a.csv", csv_text(line(act="🚲")), {"code.unknown"}),
]  # fmt: skip

ACCEPTED: list[tuple[str, str, bytes]] = [
    ("UTF-8 with BOM", "a.csv", b"\xef\xbb\xbf" + csv_text(line())),
    ("GB18030", "a.csv", csv_text(line(note="二手手机", act="出售")).decode().encode("gb18030")),
    ("UTF-16", "a.csv", csv_text(line(note="二手手机")).decode().encode("utf-16")),
    ("Windows line ends", "a.csv", csv_text(line()).replace(b"\n", b"\r\n")),
    ("no last line end", "a.csv", csv_text(line())[:-1]),
    ("blank lines at the end", "a.csv", csv_text(line()) + b"\n\n"),
    ("semicolons", "a.csv", csv_text(line()).replace(b",", b";")),
    ("a line break in a note", "a.csv", csv_text(line(note='"two\nlines"'))),
    ("spaces around cells", "a.csv", csv_text(line(mass_kg=" 0.2 ", age_years=" 2.5"))),
    ("Chinese headers", "a.csv", csv_text(line(), head=",".join(c.title.zh for c in COLUMNS))),
    ("a CSV named xlsx", "a.xlsx", csv_text(line())),
    ("Chinese dates", "a.csv", csv_text(line(occurred_on="2026年10月5日"))),
    ("slashes", "a.csv", csv_text(line(occurred_on="2026/10/5"))),
    ("compact dates", "a.csv", csv_text(line(occurred_on="20261005"))),
    ("XLSX with text", "a.xlsx", workbook([NAMES, PHONE_ROW])),
    ("XLSX with a hidden sheet before", "a.xlsx", workbook([NAMES, PHONE_ROW], hidden_sheet)),
    (
        "XLSX with numbers and a date",
        "a.xlsx",
        workbook([NAMES, ["r1", date(2026, 10, 5), *PHONE_ROW[2:5], 1, 0.2, "good", 2.5, *PHONE_ROW[9:]]]),
    ),
    (
        "XLSX counting from 1904",
        "a.xlsx",
        workbook([NAMES, ["r1", datetime(2026, 10, 5), *PHONE_ROW[2:]]], epoch_1904),  # noqa: DTZ001  a day
    ),
    ("Parquet of text", "a.parquet", parquet()),
    ("Parquet with a timestamp", "a.parquet", parquet(occurred_on=pa.array([datetime(2026, 10, 5, 9)]))),  # noqa: DTZ001
]  # fmt: skip
