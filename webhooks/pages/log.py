"""The delivery log as rows: of one endpoint or of all, page by page, and what is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.http import Http404
from django.utils import timezone

from accounts.errors import InvalidInput
from accounts.ids import decode_id
from accounts.members import MemberRequest
from webhooks.api.inputs import DeliveriesQuery
from webhooks.api.lists import page_of_deliveries
from webhooks.models import Delivery, Endpoint
from webhooks.pages.forms import LogFilter, host_of
from webhooks.queries import deliveries_for
from webhooks.schedule import MAX_ATTEMPTS

PAGE = 50
_MOST_OPEN = 200  # rows of an open page that are looked at again


class Row(NamedTuple):
    """A delivery and, for people, the host that it goes to."""

    delivery: Delivery
    host: str

    @classmethod
    def of(cls, delivery: Delivery) -> Row:
        return cls(delivery, host_of(delivery.url))


@dataclass(frozen=True, slots=True)
class LogPage:
    """What the templates need; `is_continued` = only more rows are asked for."""

    context: dict[str, Any]
    is_continued: bool


def log_page(request: MemberRequest, endpoint: Endpoint | None) -> LogPage:
    """A page of the log by the query string; raises Http404 for a cursor that is not ours."""
    filters = LogFilter(request.GET)
    query = _query(filters, endpoint, cursor=request.GET.get("cursor") or None)
    try:
        deliveries, next_cursor = page_of_deliveries(request.tenant, query)
    except InvalidInput as error:
        raise Http404 from error
    context = _context(deliveries, deliveries, filters, endpoint) | {"next_cursor": next_cursor}
    return LogPage(context, query.cursor is not None and "HX-Request" in request.headers)


def fresh_log(request: MemberRequest, endpoint: Endpoint | None) -> dict[str, Any]:
    """Rows newer than `after`, and those of `open` as they are now.

    There may be more than fit: then the page says so and asks no more.
    """
    filters, after = LogFilter(request.GET), _id(request.GET.get("after", ""))
    query = _query(filters, endpoint, since=_made_at(after) if after else None, limit=PAGE + 1)
    deliveries, _ = page_of_deliveries(request.tenant, query)
    rows = [row for row in deliveries if after is None or row.public_id > after]
    asked = (_id(text) for text in request.GET.getlist("open")[:_MOST_OPEN])
    wanted = [public_id for public_id in asked if public_id is not None]
    mine = deliveries_for(request.tenant).defer("event__body")
    changed = list(mine.filter(public_id__in=wanted)) if wanted else []
    return _context(rows[:PAGE], [*rows, *changed], filters, endpoint) | {
        "changed": [Row.of(delivery) for delivery in changed],
        "is_too_much": len(rows) > PAGE,
        "newest": rows[0].external_id if rows else request.GET.get("after", ""),
    }


def _query(filters: LogFilter, endpoint: Endpoint | None, **rest: Any) -> DeliveriesQuery:
    endpoint_id = endpoint.external_id if endpoint else None
    narrowed: dict[str, Any] = filters.wanted()
    return DeliveriesQuery(endpoint_id=endpoint_id, **({"limit": PAGE} | narrowed | rest))


def _context(
    rows: list[Delivery], watched: list[Delivery], filters: LogFilter, endpoint: Endpoint | None
) -> dict[str, Any]:
    return {
        "rows": [Row.of(delivery) for delivery in rows],
        "filters": filters,
        "is_filtered": bool(filters.wanted()),
        "log_endpoint": endpoint,
        "newest": rows[0].external_id if rows else "",
        "has_open": any(row.status == Delivery.Status.PENDING for row in watched),
        "now": timezone.now(),
        "most_tries": MAX_ATTEMPTS,
    }


def _id(text: str) -> UUID | None:
    return decode_id(Delivery.ID_PREFIX, text)


def _made_at(public_id: UUID) -> datetime:
    """When a UUIDv7 was made; a little before, as the filter is by the millisecond."""
    made = datetime.fromtimestamp((public_id.int >> 80) / 1000, tz=UTC)
    return made - timedelta(milliseconds=2)
