from datetime import date

import numpy as np
import pytest

from carbon.domain.errors import CarbonError
from carbon.domain.period import Period, day_date, day_number, month_name, months_of


def test_days_and_months_agree_with_the_calendar():
    days = np.array([day_number(date(2026, 2, 28)), day_number(date(2026, 3, 1))], np.int32)
    assert [month_name(int(m)) for m in months_of(days)] == ["2026-02", "2026-03"]
    assert day_date(day_number(date(2024, 2, 29))) == date(2024, 2, 29)


def test_period_reads_a_month_and_nothing_else():
    assert str(Period.parse(" 2026-10 ")) == "2026-10"
    for wrong in ("2026-13", "2026", "10-2026", "2026-1", "1989-12", ""):
        with pytest.raises(CarbonError) as caught:
            Period.parse(wrong)
        assert caught.value.code == "period.invalid"
