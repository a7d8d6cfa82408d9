"""Budgets and quiet hours, as tables."""

from datetime import datetime, time

import pytest

from messaging.pacing import DAY, HOUR, MINUTE, SimBudget, Window, is_quiet, segments_left


def _budget(**columns) -> SimBudget:
    return SimBudget(**{"sim_id": 1, "slot": 1, "number": "", "messages": 20} | columns)


@pytest.mark.parametrize(
    ("columns", "wanted", "fits"),
    [
        ({}, {}, True),
        ({"messages": 0}, {}, False),
        ({}, {"slot": 1}, True),
        ({}, {"slot": 2}, False),
        ({"segments": 3, "largest": 5}, {"segments": 3}, True),
        ({"segments": 3, "largest": 5}, {"segments": 4}, False),
        ({"segments": 5, "largest": 5}, {"segments": 9}, True),
        ({"segments": 4, "largest": 5}, {"segments": 9}, False),
        ({"segments": 0, "largest": 5}, {}, False),
        ({"segments": 0, "largest": 0}, {}, False),
        ({"urgent_only": True}, {}, False),
        ({"urgent_only": True}, {"is_urgent": True}, True),
        ({"urgent_only": True, "messages": 0}, {"is_urgent": True}, False),
    ],
)
def test_budget_admits(columns, wanted, fits):
    message = {"slot": None, "segments": 1, "is_urgent": False} | wanted
    assert _budget(**columns).admits(**message) == fits


def test_spending_takes_a_message_and_its_segments_and_never_owes():
    budget = _budget(messages=3, segments=5, largest=5)
    left = []
    for segments in (2, 9):
        budget.spend(segments)
        left.append((budget.messages, budget.segments))
    assert left == [(2, 3), (1, 0)]


def test_spending_without_a_limit_counts_messages_only():
    budget = _budget(messages=2)
    budget.spend(9)
    assert (budget.messages, budget.segments) == (1, None)


@pytest.mark.parametrize(
    ("windows", "left"),
    [
        ([], None),
        ([(MINUTE, 10, 0)], 10),
        ([(MINUTE, 10, 4), (HOUR, 20, 15), (DAY, 1000, 4)], 5),
        ([(MINUTE, 10, 0), (DAY, 50, 50)], 0),
        ([(MINUTE, 10, 30)], 0),
    ],
)
def test_tightest_window_says_what_is_left(windows, left):
    assert segments_left([Window(*window) for window in windows]) == left


@pytest.mark.parametrize(
    ("clock", "start", "end", "zone", "quiet"),
    [
        ("12:00", None, None, "UTC", False),
        ("12:00", "08:00", None, "UTC", False),
        ("12:00", "12:00", "12:00", "UTC", False),
        # Within a day: from the start on, until just before the end.
        ("11:59", "12:00", "13:00", "UTC", False),
        ("12:00", "12:00", "13:00", "UTC", True),
        ("12:59", "12:00", "13:00", "UTC", True),
        ("13:00", "12:00", "13:00", "UTC", False),
        # Over midnight.
        ("21:59", "22:00", "07:00", "UTC", False),
        ("22:00", "22:00", "07:00", "UTC", True),
        ("00:00", "22:00", "07:00", "UTC", True),
        ("06:59", "22:00", "07:00", "UTC", True),
        ("07:00", "22:00", "07:00", "UTC", False),
        # 15:00 UTC is 23:00 in Singapore and 11:00 in New York, in July.
        ("15:00", "22:00", "07:00", "Asia/Singapore", True),
        ("15:00", "22:00", "07:00", "America/New_York", False),
        ("15:00", "10:30", "11:30", "America/New_York", True),
    ],
)
def test_quiet_hours(clock, start, end, zone, quiet):
    now = datetime.fromisoformat(f"2031-07-01T{clock}:00+00:00")
    hours = [bound and time.fromisoformat(bound) for bound in (start, end)]
    assert is_quiet(now, start=hours[0], end=hours[1], time_zone=zone) == quiet


@pytest.mark.parametrize(
    ("day", "quiet"),
    [("2031-01-15", True), ("2031-07-15", False)],  # 06:30 in winter, 07:30 in summer
)
def test_quiet_hours_follow_summer_time(day, quiet):
    now = datetime.fromisoformat(f"{day}T05:30:00+00:00")
    hours = {"start": time(22), "end": time(7)}
    assert is_quiet(now, **hours, time_zone="Europe/Berlin") == quiet
