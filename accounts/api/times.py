"""Times at the API's edge."""

from datetime import UTC, datetime, timedelta

from accounts.errors import InvalidInput


def iso(moment: datetime | None) -> str | None:
    """UTC ISO-8601 with exactly three fraction digits and `Z`: phones misread any other number."""
    if moment is None:
        return None
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def as_utc(moment: datetime | None, path: str) -> datetime | None:
    """`moment` in UTC, which it is taken for if it has no zone.

    Raises InvalidInput: at both ends of the calendar UTC may be in a year that Python has not.
    """
    if moment is None or moment.tzinfo is None:
        return moment.replace(tzinfo=UTC) if moment is not None else None
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput.at(path, "invalid_value", f"{path} is out of range.") from error


def seconds_after(start: datetime, seconds: int, path: str) -> datetime:
    """`start` and so many seconds; raises InvalidInput at the end of the calendar."""
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError as error:
        raise InvalidInput.at(path, "too_late", f"{path} may be at most a year ahead.") from error
