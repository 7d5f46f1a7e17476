"""Timetables: which moment has come, and which comes next."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.adapters.clock import ZONE
from carbon.domain.schedule import Daily, Every, Monthly

moments = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001  zone below
    lambda at: at.replace(tzinfo=ZONE)
)
schedules = st.one_of(
    st.integers(1, 86_400).map(Every),
    st.builds(Daily, st.integers(0, 23), st.integers(0, 59)),
    st.builds(Monthly, st.integers(1, 28), st.integers(0, 23)),
)


@given(schedules, moments)
def test_the_due_moment_has_come_and_the_next_one_has_not(schedule, now):
    due, following = schedule.due(now), schedule.following(now)
    assert due <= now < following
    assert schedule.due(due) == due
    assert schedule.due(following) == following
    assert schedule.due(following - timedelta(microseconds=1)) == due, "nothing lies between"


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        (Every(20), "2026-11-25T12:00:19", "2026-11-25T12:00:00"),
        (Daily(2, 30), "2026-11-25T02:30:00", "2026-11-25T02:30:00"),
        (Daily(2, 30), "2026-01-01T02:29:59", "2025-12-31T02:30:00"),
        (Monthly(1, 6), "2026-03-01T05:59:59", "2026-02-01T06:00:00"),
        (Monthly(28, 6), "2026-01-27T00:00:00", "2025-12-28T06:00:00"),
    ],
)
def test_examples(schedule, now, due):
    moment = datetime.fromisoformat(now).replace(tzinfo=ZONE)
    assert schedule.due(moment) == datetime.fromisoformat(due).replace(tzinfo=ZONE)
