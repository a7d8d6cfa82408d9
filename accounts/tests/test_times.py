"""Times at the API's edge: three fraction digits, always."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from accounts.api.times import iso


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 6, 12, 18, 40, tzinfo=UTC), "2026-06-12T18:40:00.000Z"),
        (datetime(2026, 6, 12, 18, 40, 0, 1999, tzinfo=UTC), "2026-06-12T18:40:00.001Z"),
        (
            datetime(2026, 6, 12, 18, 40, tzinfo=timezone(timedelta(hours=8))),
            "2026-06-12T10:40:00.000Z",
        ),
        (None, None),
    ],
)
def test_iso_is_utc_with_three_fraction_digits(moment, text):
    assert iso(moment) == text
