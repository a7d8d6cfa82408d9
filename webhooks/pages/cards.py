"""An endpoint as the pages show it: how it does, and how the last day went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

from accounts.ids import first_id_of
from accounts.models import Tenant
from webhooks.api.outputs import endpoint_out
from webhooks.models import Delivery, Endpoint
from webhooks.pages.forms import host_of, origin_of
from webhooks.queries import endpoints_for

DAY = timedelta(days=1)
# Of each endpoint at most; a busy one's bar is about its latest deliveries.
MOST_COUNTED = 10_000
BAR_WIDTH = 240

_COUNT = """
SELECT endpoint_id, status, count(*)
  FROM unnest(%(endpoints)s::bigint[]) AS wanted(id)
 CROSS JOIN LATERAL (
       SELECT endpoint_id, status FROM webhooks_delivery
        WHERE endpoint_id = wanted.id AND public_id >= %(since)s
        ORDER BY public_id DESC LIMIT %(most)s) AS lately
 GROUP BY endpoint_id, status
"""


class Part(NamedTuple):
    """A piece of the bar: its class, and where it is in units of BAR_WIDTH."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Day:
    """How many deliveries of the last 24 hours arrived, failed, and wait (or are held)."""

    succeeded: int = 0
    failed: int = 0
    waiting: int = 0

    @property
    def total(self) -> int:
        return self.succeeded + self.failed + self.waiting

    @property
    def is_capped(self) -> bool:
        return self.total >= MOST_COUNTED

    def parts(self) -> list[Part]:
        """The bar from left to right; what is there at all is wide enough to be seen."""
        counts = (("good", self.succeeded), ("bad", self.failed), ("warn", self.waiting))
        shown = [(kind, max(4.0, BAR_WIDTH * n / self.total)) for kind, n in counts if n]
        scale = BAR_WIDTH / (sum(width for _, width in shown) or 1)
        parts, x = [], 0.0
        for kind, width in shown:
            parts.append(Part(kind, round(x, 1), round(width * scale, 1)))
            x += width * scale
        return parts


@dataclass(frozen=True, slots=True)
class EndpointCard:
    """`state` adds to the API's health: `vacant` (no URL yet) and `paused`."""

    endpoint: Endpoint
    host: str
    shown_url: str
    state: str
    day: Day
    is_first: bool

    @property
    def title(self) -> str:
        return self.endpoint.name or self.host or "Your first endpoint"


def cards_of(tenant: Tenant, endpoints: Sequence[Endpoint], *, masks: bool) -> list[EndpointCard]:
    """The tenant's endpoints in two queries; with `masks` the paths of their URLs are left out."""
    first = endpoints_for(tenant).values_list("pk", flat=True).first()
    days = _days_of(endpoints)
    return [
        EndpointCard(
            endpoint=endpoint,
            host=host_of(endpoint.url),
            shown_url=origin_of(endpoint.url) if masks else endpoint.url,
            state=_state(endpoint),
            day=days.get(endpoint.pk, Day()),
            is_first=endpoint.pk == first,
        )
        for endpoint in endpoints
    ]


def _state(endpoint: Endpoint) -> str:
    if not endpoint.url:
        return "vacant"
    if endpoint.state == Endpoint.State.PAUSED:
        return "paused"
    return endpoint_out(endpoint).health.status


def _days_of(endpoints: Sequence[Endpoint]) -> dict[int, Day]:
    counts: dict[int, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "endpoints": [endpoint.pk for endpoint in endpoints],
                "since": first_id_of(timezone.now() - DAY),
                "most": MOST_COUNTED,
            },
        )
        for endpoint_id, status, number in cursor.fetchall():
            counts.setdefault(endpoint_id, {})[status] = number
    return {
        endpoint_id: Day(
            found.get(Delivery.Status.SUCCEEDED, 0),
            found.get(Delivery.Status.FAILED, 0),
            found.get(Delivery.Status.PENDING, 0) + found.get(Delivery.Status.HELD, 0),
        )
        for endpoint_id, found in counts.items()
    }
