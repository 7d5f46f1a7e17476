"""Working days: the shipped notices, and files that are refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from carbon.domain.calendar import Calendar
from carbon.domain.errors import CarbonError
from carbon.files.calendar_file import CALENDAR, parse_calendar, read_calendar
from conftest import FACTORS

HEADER = "day,kind,name,source\n"
NEW_YEAR = "2026-01-01,holiday,元旦,notice\n"


@pytest.fixture(scope="module")
def shipped() -> Calendar:
    return read_calendar(FACTORS / CALENDAR)


def test_the_shipped_notices_are_whole(shipped):
    """Days off and weekends worked, as many as the notices of 2025 and 2026 name."""
    off = [sum(day.year == year for day in shipped.holidays) for year in (2025, 2026)]
    worked = [sum(day.year == year for day in shipped.workdays) for year in (2025, 2026)]
    assert (off, worked) == ([1 + 8 + 3 + 5 + 3 + 8, 3 + 9 + 3 + 5 + 3 + 3 + 7], [5, 6])


@pytest.mark.parametrize(
    ("day", "working"),
    [
        ("2026-09-30", True),
        ("2026-10-01", False),
        ("2026-10-08", True),
        ("2026-10-10", True),  # a Saturday worked for the National Day
        ("2026-10-11", False),
        ("2026-02-15", False),
        ("2025-09-28", True),
        ("2026-11-25", True),
    ],
)
def test_notices_change_weeks(shipped, day, working):
    assert shipped.is_working(date.fromisoformat(day)) is working


def test_working_days_are_added_over_holidays(shipped):
    before = date(2026, 9, 30)
    assert shipped.add_working_days(before, 0) == before
    assert shipped.add_working_days(before, 3) == date(2026, 10, 10)
    assert shipped.add_working_days(before, 4) == date(2026, 10, 12)


def test_between_counts_what_adding_adds(shipped):
    day = date(2026, 2, 10)
    for number in range(40):
        assert shipped.working_days_between(day, shipped.add_working_days(day, number)) == number
    assert shipped.working_days_between(day, date(2026, 1, 1)) == 0


def test_working_days_do_not_run_backwards(shipped):
    with pytest.raises(ValueError, match="-1"):
        shipped.add_working_days(date(2026, 2, 10), -1)


def test_a_year_without_a_notice_is_unknown(shipped):
    with pytest.raises(CarbonError) as caught:
        shipped.add_working_days(date(2026, 12, 31), 1)
    assert caught.value.code == "calendar.unknown"
    assert "2027" in caught.value.say("zh")


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        (1, "day,kind,name\n"),
        (1, ""),
        (2, HEADER + "2026-01-01,holiday,元旦\n"),
        (2, HEADER + "2026-01-01,holiday,,notice\n"),
        (2, HEADER + "2026-02-30,holiday,元旦,notice\n"),
        (2, HEADER + "20260101,holiday,元旦,notice\n"),
        (2, HEADER + "2026-01-01,off,元旦,notice\n"),
        (3, HEADER + NEW_YEAR + NEW_YEAR),
        (3, HEADER + NEW_YEAR + "2026-10-09,workday,国庆节,notice\n"),
        (3, HEADER + NEW_YEAR + "2027-10-01,holiday,国庆节,notice\n"),
        (1, HEADER + '2026-01-01,holiday,"元旦'),
        (2, HEADER + "\n"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(line, rows):
    with pytest.raises(CarbonError) as caught:
        parse_calendar(rows.encode(), Path("w.csv"))
    assert (caught.value.code, caught.value.values["line"]) == ("calendar.file", line)


def test_another_encoding_is_refused():
    with pytest.raises(CarbonError) as caught:
        parse_calendar((HEADER + NEW_YEAR).encode("gb18030"), Path("w.csv"))
    assert caught.value.code == "calendar.file"


def test_a_missing_or_huge_file_is_refused(tmp_path):
    path = tmp_path / "w.csv"
    with pytest.raises(CarbonError) as caught:
        read_calendar(path)
    assert caught.value.code == "file.missing"
    path.write_bytes(b"x" * 500_001)
    with pytest.raises(CarbonError) as caught:
        read_calendar(path)
    assert caught.value.code == "file.too_large"
