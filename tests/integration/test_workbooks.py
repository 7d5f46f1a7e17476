"""Workbooks made to break what reads them: each is told by name, none takes memory or the process.

The reader below us reserves the whole rectangle around a sheet's cells and ends the process where
it cannot, so two cells far apart must be found before it is asked.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile

import openpyxl
import pytest

from carbon.adapters.tabular import xlsx_file
from carbon.adapters.tabular.xlsx_file import XlsxFile
from carbon.domain.errors import CarbonError

SHEET = "xl/worksheets/sheet1.xml"


def workbook(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def rewritten(content, parts):
    """The same archive with other parts: functions of what they were, by name."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, parts.get(name, bytes)(old.read(name)))
    return stream.getvalue()


def with_cell(place, quote='"', inside="<v>1</v>"):
    """A sheet with one more cell, however its attribute is quoted."""
    cell = f"<row><c r={quote}{place}{quote}>{inside}</c></row></sheetData>".encode()
    return rewritten(
        workbook(["a", "b"], [1, 2]), {SHEET: lambda xml: xml.replace(b"</sheetData>", cell)}
    )


def understated(content):
    """Every part says that it unpacks to ten bytes."""
    changed = bytearray(content)
    for match in re.finditer(rb"PK\x01\x02", content):
        struct.pack_into("<I", changed, match.start() + 24, 10)
    return bytes(changed)


def encrypted(content):
    """Every part says that it is encrypted."""
    changed = bytearray(content)
    for match in re.finditer(rb"PK\x01\x02", content):
        changed[match.start() + 8] |= 1
    return bytes(changed)


def damaged(content):
    """The compressed bytes of the sheet are not what they were."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        at = archive.getinfo(SHEET).header_offset + 30 + len(SHEET)
    changed = bytearray(content)
    changed[at + 2 : at + 40] = b"\xff" * 38
    return bytes(changed)


SOUND = workbook(["a", "b"], [1, 2])
BROKEN = [
    ("two cells at the ends of a sheet", with_cell("XFD1048576"), "file.too_large"),
    ("the same in other quotes", with_cell("XFD1048576", "'"), "file.too_large"),
    ("a cell in the last row of many columns", with_cell("ZZ1048576"), "file.too_large"),
    ("parts larger than they say", understated(SOUND), "file.format"),
    ("encrypted parts", encrypted(SOUND), "file.format"),
    ("damaged compression", damaged(SOUND), "file.format"),
    ("no XML in the sheet", rewritten(SOUND, {SHEET: lambda _: b"\0" * 100}), "file."),
]


def opened(tmp_path, content):
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    return XlsxFile(path)


@pytest.mark.parametrize(("name", "content", "code"), BROKEN, ids=[c[0] for c in BROKEN])
def test_it_is_refused_by_name(tmp_path, name, content, code):
    with pytest.raises(CarbonError) as error:
        opened(tmp_path, content)
    assert error.value.code.startswith(code)


def test_an_entity_is_not_followed(tmp_path):
    """XXE: a workbook that would have a file of the server as its cell."""
    secret = tmp_path / "secret"
    secret.write_text("4711")
    declared = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]><worksheet'.encode()

    def asking(xml):
        return xml.replace(b"<worksheet", declared, 1).replace(b"<v>1</v>", b"<v>&e;</v>")

    try:
        file = opened(tmp_path, rewritten(SOUND, {SHEET: asking}))
        told = [load().to_pylist() for load, _ in file.pieces(["a", "b"], [])]
    except CarbonError as error:
        told = [error.code, error.say("en")]
    assert told
    assert "4711" not in repr(told)


def test_a_cell_without_content_is_nobodys_edge(tmp_path):
    """Programs write formatted empty cells to the end of a sheet."""
    far = b'<row r="9"><c r="XFD1048576" s="0"/></row></sheetData>'
    content = rewritten(SOUND, {SHEET: lambda xml: xml.replace(b"</sheetData>", far)})
    file = opened(tmp_path, content)
    assert (file.header(), file.total_rows()) == (["a", "b"], 1)


def test_what_it_unpacks_to_has_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx_file, "MAX_UNPACKED_BYTES", 1_000)
    with pytest.raises(CarbonError, match=re.escape("file.too_large")):
        opened(tmp_path, SOUND)


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
@pytest.mark.parametrize("before", [0, 2])
def test_rows_keep_their_numbers_whatever_is_read_at_once(tmp_path, monkeypatch, chunk, before):
    monkeypatch.setattr(xlsx_file, "_ROWS_AT_ONCE", chunk)

    rows = [*[[]] * before, ["a", "b"], [1, 2], [], [3, None], [None, 4]]
    file = opened(tmp_path, workbook(*rows))
    for _ in range(2):
        found = [
            (int(number), *row.values())
            for load, numbers in file.pieces(["b", "a"], [])
            for number, row in zip(numbers, load().to_pylist(), strict=True)
        ]
        first = 2 + before
        assert found == [(first, "2", "1"), (first + 2, None, "3"), (first + 3, "4", None)]
    assert file.total_rows() == 3


def test_a_broken_cell_across_two_blocks_is_seen(tmp_path, monkeypatch):
    content = workbook(["a"], *[["x" * 50] for _ in range(100)], ["#REF!"])
    for size in (64, 97, 1_000):
        monkeypatch.setattr(xlsx_file, "_BLOCK_BYTES", size)
        with pytest.raises(CarbonError, match=re.escape("file.error_cells")):
            opened(tmp_path, content)
