"""Times at the API's edge: three fraction digits, always."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from accounts.api.times import as_utc, iso, seconds_after
from accounts.errors import InvalidInput


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


@pytest.mark.parametrize(
    ("moment", "utc"),
    [
        (None, None),
        (datetime(2026, 6, 12, 18, 40), datetime(2026, 6, 12, 18, 40, tzinfo=UTC)),  # noqa: DTZ001 - on purpose
        (
            datetime(2026, 6, 12, 18, 40, tzinfo=timezone(timedelta(hours=8))),
            datetime(2026, 6, 12, 10, 40, tzinfo=UTC),
        ),
    ],
)
def test_a_time_without_a_zone_is_utc(moment, utc):
    assert as_utc(moment, "until") == utc


def test_ends_of_the_calendar_are_named():
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    last = datetime(9999, 12, 31, tzinfo=UTC)
    for refuse in (lambda: as_utc(first, "until"), lambda: seconds_after(last, 10**6, "until")):
        with pytest.raises(InvalidInput) as refused:
            refuse()
        assert refused.value.issues[0].path == "until"
