"""Pages of GET /v1/messages in a table of a million."""

import json
import time
from datetime import timedelta
from statistics import median
from typing import Any
from urllib.parse import urlencode

from django.db import connection as database
from django.utils import timezone

from accounts.models import Tenant
from bench.connection import Connection
from bench.database import empty_tables, execute
from bench.figures import Figure, Ratio, at_most
from bench.plans import sequential_scans
from bench.requests import get, recipient
from bench.tenants import Sender, open_sender, pair_phones
from bench.web import GATEWAY, running

MESSAGES = 1_000_000
PAGE = 50
LAST_PAGE = 1000
# A cursor does not depend on the limit, so larger pages lead to the 1,000th in fewer steps.
_STRIDE = 150
_STEPS = (LAST_PAGE - 1) * PAGE // _STRIDE
_REPEATS = 25
_CHUNK = 100_000  # rows in a statement, to stay below the statement timeout

# Two tenants in turns, each with two phones. One message in seven goes to the first number and as
# many have the word `parcel`, so that each filter below has more than a thousand pages.
_FILL = """
INSERT INTO messaging_message (
    tenant_id, device_id, public_id, created_at, expires_at, recipient, text, status,
    direction, origin, sender, encoding, segments, ref, callback, metadata, is_test, lane,
    is_pinned, attempt, leases, error_code, error, phone_key)
SELECT (%(tenants)s::bigint[])[1 + n %% 2],
       (%(devices)s::bigint[])[1 + n %% 4],
       (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0')
           || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid,
       moment, moment + interval '1 day',
       '+' || (%(first_number)s::bigint + CASE WHEN n %% 7 = 0 THEN 0 ELSE n %% 50000 END),
       'Your ' || CASE WHEN n / 2 %% 7 = 0 THEN 'parcel ' ELSE 'order ' END || n || ' is there.',
       (ARRAY['delivered', 'delivered', 'delivered', 'delivered', 'sent', 'sent', 'failed',
              'unknown', 'expired', 'queued'])[1 + n / 2 %% 10],
       'outbound', 'api', '', 'gsm7', 1, '', '', '{}', false, 1, false, 1, 1, '', '', ''
  FROM (SELECT n, %(now)s - (%(messages)s - n) * interval '1 second' AS moment
          FROM generate_series(%(first)s::int, %(last)s::int) AS n) AS numbered
"""

Filter = dict[str, str]


def _long_lists() -> dict[str, Filter]:
    """Filters that more than a thousand pages fit."""
    since = timezone.now() - timedelta(seconds=MESSAGES // 2)
    return {
        "all": {},
        "status=delivered": {"status": "delivered"},
        "status=failed": {"status": "failed"},
        "to": {"to": recipient(0)},
        "since": {"since": since.isoformat()},
        "q": {"q": "parcel"},
    }


def _short_lists(tenant: Tenant) -> dict[str, Filter]:
    """Filters that few messages fit, or none, so that one page is all; and one by phone."""
    return {
        "deviceId": {"deviceId": tenant.devices.earliest("pk").external_id},
        "until": {"until": (timezone.now() - timedelta(seconds=MESSAGES - 10)).isoformat()},
        "to, few found": {"to": recipient(2)},
        "q, 1 found": {"q": "500002"},
        "from, none found": {"from": recipient(0)},
        "ref, none found": {"ref": "order-1"},
        "status=canceled, none found": {"status": "canceled"},
        "direction=inbound, none found": {"direction": "inbound"},
    }


RATIOS = tuple(
    Ratio(f"list {name}, 1,000th page / first", f"list.{name}.last", f"list.{name}.first", bar)
    for bar in [at_most(2)]
    for name in _long_lists()
)


def measure() -> list[Figure]:
    """Times of lists' first and 1,000th pages, and how many of these pages need a full scan."""
    empty_tables()
    sender = _fill()
    with running(GATEWAY) as web:
        connection = web.connect(1)[0]
        pages, figures = _long(connection, sender)
        for name, parameters in _short_lists(sender.tenant).items():
            pages[name] = parameters
            milliseconds = _page_ms(connection, sender.api_key, parameters)
            figures.append(Figure(f"list.{name}", f"list {name}: first page", milliseconds, "ms"))
        connection.close()
    scanning = [name for name, page in pages.items() if sequential_scans(sender.tenant, page)]
    label = ": ".join(filter(None, ["sequential scans in lists' plans", ", ".join(scanning)]))
    empty_tables()
    return [*figures, Figure("list.scans", label, len(scanning), "", at_most(0))]


def _long(connection: Connection, sender: Sender) -> tuple[dict[str, Filter], list[Figure]]:
    """The pages that were measured, by name, and their figures."""
    pages: dict[str, Filter] = {}
    figures = []
    for name, first in _long_lists().items():
        last = {**first, "cursor": _walk(connection, sender.api_key, first)}
        pages |= {name: first, f"{name}, page {LAST_PAGE:,}": last}
        first_ms = _page_ms(connection, sender.api_key, first)
        last_ms = _page_ms(connection, sender.api_key, last)
        figures += [
            Figure(f"list.{name}.first", f"list {name}: first page", first_ms, "ms"),
            Figure(f"list.{name}.last", f"  page {LAST_PAGE:,}", last_ms, "ms"),
        ]
    return pages, figures


def _fill() -> Sender:
    """Store a million messages; returns the first of their tenants."""
    senders = [open_sender(), open_sender()]
    for sender in senders:
        pair_phones(sender.tenant, 2)
    phones = [list(sender.tenant.devices.values_list("pk", flat=True)) for sender in senders]
    values: dict[str, Any] = {
        "tenants": [sender.tenant.pk for sender in senders],
        "devices": [phones[0][0], phones[1][0], phones[0][1], phones[1][1]],
        "first_number": int(recipient(0)),
        "now": timezone.now(),
        "messages": MESSAGES,
    }
    for first in range(1, MESSAGES, _CHUNK):
        with database.cursor() as cursor:
            cursor.execute(_FILL, values | {"first": first, "last": first + _CHUNK - 1})
    execute("VACUUM ANALYZE messaging_message")
    return senders[0]


def _walk(connection: Connection, api_key: str, parameters: Filter) -> str:
    """The cursor of the 1,000th page."""
    page = parameters
    for _ in range(_STEPS):
        page = {**parameters, "cursor": _get(connection, api_key, page, _STRIDE)}
    return page["cursor"]


def _page_ms(connection: Connection, api_key: str, page: Filter) -> float:
    """The median time of a page."""
    times = []
    for _ in range(_REPEATS):
        _get(connection, api_key, page, PAGE)
        times.append((time.perf_counter() - connection.sent_at) * 1e3)
    return median(times)


def _get(connection: Connection, api_key: str, page: Filter, limit: int) -> str:
    """Fetch one page; the cursor of the next."""
    query = urlencode({**page, "limit": limit})
    body = connection.exchange(get(api_key, f"/v1/messages?{query}"))
    return str(json.loads(body)["nextCursor"])
