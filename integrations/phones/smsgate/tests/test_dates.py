"""Times as the app reads and writes them."""

from datetime import UTC, datetime

import pytest

from accounts.ids import encode_id, first_id_of
from integrations.phones.smsgate.dates import created_at, parse_date, valid_until

NOW = datetime(2026, 1, 2, 10, 4, 5, 678901, tzinfo=UTC)


def test_time_of_the_app_is_read_in_utc():
    assert parse_date("2026-01-02T10:04:05.678+07:00") == datetime(
        2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "text",
    [None, "", "yesterday", "2026-01-02", "2026-01-02T10:04:05", 5.5, "0001-01-01T00:00:00+14:00"],
)
def test_what_is_no_time_is_none(text):
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("skew", "shown"),
    [
        (None, "2026-01-02T10:05:05.678Z"),
        (59, "2026-01-02T10:05:05.678Z"),
        (-3600, "2026-01-02T09:05:05.678Z"),
        (3600, "2026-01-02T11:05:05.678Z"),
    ],
)
def test_validity_is_told_by_a_clock_that_is_wrong(skew, shown):
    assert valid_until(NOW, 60_000, skew) == shown


@pytest.mark.parametrize("milliseconds", [None, 10**15])
def test_validity_without_an_end_is_not_told(milliseconds):
    assert valid_until(NOW, milliseconds, None) is None


def test_creation_is_that_of_the_message_and_has_three_digits():
    attempt_id = encode_id("msg_", first_id_of(NOW)) + ".2"
    assert created_at(attempt_id, datetime.now(UTC)) == "2026-01-02T10:04:05.678Z"
