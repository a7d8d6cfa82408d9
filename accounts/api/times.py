"""Times at the API's edge."""

from datetime import UTC, datetime


def iso(moment: datetime | None) -> str | None:
    """UTC ISO-8601 with exactly three fraction digits and `Z`: phones misread any other number."""
    if moment is None:
        return None
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"
