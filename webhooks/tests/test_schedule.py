"""Retry times: pure arithmetic."""

from datetime import UTC, datetime, timedelta

import pytest

from webhooks.schedule import DELAYS, MAX_ATTEMPTS, delay_after, parse_retry_after

NOW = datetime(2026, 6, 12, 18, 40, tzinfo=UTC)
HOUR = 3600


def seconds(delay: timedelta | None) -> float | None:
    return None if delay is None else delay.total_seconds()


def test_delays_are_those_of_standard_webhooks_and_end_after_ten_tries():
    delays = [seconds(delay_after(attempts)) for attempts in range(1, 11)]
    hours = [2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]
    assert delays == [5, 300, 1800, *hours, None]
    assert sum(DELAYS, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert MAX_ATTEMPTS == 10


@pytest.mark.parametrize(("jitter", "expected"), [(-1, 240), (-0.5, 270), (0, 300), (1, 360)])
def test_jitter_moves_a_delay_by_up_to_a_fifth(jitter, expected):
    assert seconds(delay_after(2, jitter=jitter)) == expected


@pytest.mark.parametrize(("attempts", "expected"), [(1, 60), (2, 300), (9, 24 * HOUR)])
def test_overloaded_receiver_is_left_alone_for_a_minute_at_least(attempts, expected):
    assert seconds(delay_after(attempts, is_throttled=True)) == expected


@pytest.mark.parametrize(
    ("attempts", "wish", "expected"),
    [(1, 1, 5), (1, 90, 90), (2, 90, 300), (1, HOUR, HOUR), (1, 7 * HOUR, 6 * HOUR)]
    + [(8, 7 * HOUR, 20 * HOUR), (10, HOUR, None)],
)
def test_wish_of_the_receiver_is_obeyed_between_the_delay_and_six_hours(attempts, wish, expected):
    assert seconds(delay_after(attempts, retry_after=timedelta(seconds=wish))) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("1", 1),
        (" 3600 ", 3600),
        ("1000000000", 6 * HOUR),
        ("9" * 5000, 6 * HOUR),
        ("Fri, 12 Jun 2026 18:41:00 GMT", 60),
        ("Fri, 12 Jun 2026 18:41:00", 60),
        ("Fri, 12 Jun 2026 20:41:00 +0200", 60),
        ("Fri, 12 Jun 2026 18:40:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("-1", None),
        ("1e9", None),
        ("1.5", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("soon", None),
        ("٣٦٠٠", None),
        ("²", None),
        ("Fri, 99 Jun 2026 18:41:00 GMT", None),
        ("Fri, 12 Jun 2026 18:41:00 +99999999999999999999", None),
        ("Fri, 12 Jun 99999999999999999999 18:41:00 GMT", None),
        (",;" * 2000, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_in_the_future(value, expected):
    assert seconds(parse_retry_after(value, now=NOW)) == expected
