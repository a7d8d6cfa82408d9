"""Writing down what has to be delivered, in the transaction of the fact itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.errors import Conflict
from accounts.ids import encode_id, new_id
from accounts.models import Tenant
from messaging.models import Message
from webhooks.audience import CALLBACK_EVENTS, Listener, latest_refs
from webhooks.models import Delivery, Endpoint, Event
from webhooks.nudges import nudge_after_commit
from webhooks.payloads import (
    NATIVE,
    RECEIVED,
    TEST,
    AddressedFormat,
    MessageNotice,
    Notice,
    TestNotice,
    body_of,
    format_named,
)
from webhooks.schedule import CLOCKS_DIFFER

_MAX_ORIGIN = 300  # longer than any host may be: whoever dials it is told so
_STORE = """
WITH stored AS (
    INSERT INTO webhooks_event (public_id, tenant_id, name, key, body, is_private, created_at)
    SELECT new.*, %(now)s
      FROM unnest(%(ids)s::uuid[], %(tenants)s::bigint[], %(names)s::text[], %(keys)s::text[],
                  %(bodies)s::text[], %(private)s::bool[]) AS new
        ON CONFLICT (tenant_id, key) DO UPDATE SET key = excluded.key
    RETURNING id, public_id, tenant_id, key, body
), made AS (
    INSERT INTO webhooks_delivery
           (public_id, tenant_id, event_id, endpoint_id, url, has_own_url, status, next_attempt_at,
            attempts, claim, crashes, created_at, last_error)
    SELECT new.public_id, new.tenant_id, stored.id, new.endpoint_id, new.url, new.has_own_url,
           new.status, CASE new.status WHEN 'pending' THEN %(due)s END, 0, 0, 0, %(now)s, ''
      FROM unnest(%(d_ids)s::uuid[], %(d_tenants)s::bigint[], %(d_keys)s::text[],
                  %(d_endpoints)s::bigint[], %(d_urls)s::text[], %(d_own)s::bool[],
                  %(d_statuses)s::text[])
           AS new(public_id, tenant_id, key, endpoint_id, url, has_own_url, status)
      JOIN stored USING (tenant_id, key)
        ON CONFLICT DO NOTHING
    RETURNING event_id, status
)
SELECT stored.tenant_id, stored.key, stored.public_id, stored.id, stored.body = '',
       count(made.event_id), count(*) FILTER (WHERE made.status = 'pending')
  FROM stored LEFT JOIN made ON made.event_id = stored.id
 GROUP BY stored.tenant_id, stored.key, stored.public_id, stored.id, stored.body
"""


def message_key(message: Message, name: str) -> str:
    """What makes `name` happen once to a message: it may fail again, but for another reason."""
    verb = name.partition(".")[2]
    reason = f".{message.error_code}" if verb == "failed" else ""
    return f"{message.external_id}:{verb}{reason}"


def write(notices: Sequence[Notice], listeners: Iterable[Listener]) -> None:
    """Write an event and its deliveries for those of `listeners` that subscribed to it.

    A message's callback hears of it, too. A fact that is known already changes nothing.
    """
    destinations = [
        Destination(notice, listener)
        for listener in listeners
        for notice in notices
        if listener.tenant_id == notice.tenant.pk and notice.name in listener.events
    ]
    callbacks = [(notice, url) for notice in notices if (url := _callback(notice))]
    _store([*destinations, *_to_hosts(callbacks)])


def post_inbound(*, message: Message, text: str, url: str, matched_rule_id: str = "") -> str:
    """Queue the inbound payload for `url`, in the caller's transaction; the `evt_…` id.

    Named in `INBOUND_POSTERS`. Called twice for one message and URL, it queues one delivery. It is
    the event of the tenant's endpoints, so the receivers get the same id and the same bytes.
    """
    pair = (message.tenant_id, message.sender)
    notice = MessageNotice(
        name=RECEIVED,
        key=message_key(message, RECEIVED),
        tenant=message.tenant,
        at=message.created_at,
        message=message,
        text=text,
        ref=latest_refs([pair]).get(pair, ""),
        matched_rule_id=matched_rule_id,
    )
    (event_id,) = _store(_to_hosts([(notice, url)]))
    return encode_id(Event.ID_PREFIX, event_id)


def send_test_event(*, endpoint: Endpoint) -> Delivery:
    """Queue a made-up event for `endpoint`, tried once; raises Conflict unless it is enabled."""
    if endpoint.state != Endpoint.State.ENABLED or not endpoint.url:
        raise Conflict("Give the endpoint a URL and enable it, then test it.")
    key = f"test:{new_id().hex}"
    notice = TestNotice(name=TEST, key=key, tenant=endpoint.tenant, at=timezone.now())
    (event_id,) = _store([Destination(notice, Listener.of(endpoint))])
    deliveries = Delivery.objects.select_related("event", "endpoint")
    return deliveries.get(tenant=endpoint.tenant, event__public_id=event_id)


@dataclass(frozen=True, slots=True)
class Destination:
    """One notice for one listener, or for the URL of its own that a host's row is to call."""

    notice: Notice
    listener: Listener
    own_url: str = ""

    @property
    def format(self) -> str:
        return self.listener.format

    @property
    def event_key(self) -> tuple[int, str]:
        """Tenant and key of the event: one for each format or addressee, as the bytes differ."""
        suffix = "" if self.format == NATIVE else f":{self.format}"
        if isinstance(format_named(self.format), AddressedFormat):
            suffix += f":{self.listener.endpoint_id}"
        return self.notice.tenant.pk, self.notice.key + suffix

    def body(self) -> str | None:
        """What is sent; None = this listener does not hear of it."""
        return body_of(self.notice, self.format, self.listener.options)

    @property
    def status(self) -> str:
        is_held = self.listener.state == Endpoint.State.DISABLED
        return Delivery.Status.HELD if is_held else Delivery.Status.PENDING


def _callback(notice: Notice) -> str:
    """The URL that the message itself names for such events, if any."""
    if isinstance(notice, MessageNotice) and notice.name in CALLBACK_EVENTS:
        return notice.message.callback
    return ""


def _to_hosts(posts: Sequence[tuple[Notice, str]]) -> list[Destination]:
    """Notices for URLs that are no endpoints, through the rows of their hosts."""
    if not posts:
        return []
    origins = {(notice.tenant.pk, _origin(url)) for notice, url in posts}
    hosts = _find_hosts(origins)
    missing = sorted(origins - hosts.keys())
    if missing:
        # Whoever else makes such a row now is waited for.
        Endpoint.objects.bulk_create(
            [Endpoint(tenant_id=t, kind=Endpoint.Kind.HOST, url=origin) for t, origin in missing],
            ignore_conflicts=True,
        )
        hosts |= _find_hosts(set(missing))
    return [
        Destination(notice, hosts[notice.tenant.pk, _origin(url)], url) for notice, url in posts
    ]


def _find_hosts(origins: set[tuple[int, str]]) -> dict[tuple[int, str], Listener]:
    found = Endpoint.objects.filter(
        kind=Endpoint.Kind.HOST,
        tenant_id__in={tenant_id for tenant_id, _ in origins},
        url__in={origin for _, origin in origins},
    )
    return {(host.tenant_id, host.url): Listener.of(host) for host in found}


def _origin(url: str) -> str:
    """`https://example.com:443` of any URL there; what is no URL has one origin of its own."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        return "invalid"
    return f"{parts.scheme}://{parts.hostname or ''}:{port}"[:_MAX_ORIGIN]


class _Stored(NamedTuple):
    """A row of `_STORE`: an event, and how many deliveries it got now."""

    tenant_id: int
    key: str
    public_id: UUID
    pk: int
    is_blank: bool
    deliveries: int
    pending: int


def _store(destinations: Sequence[Destination]) -> list[UUID]:
    """Insert what is new, and nudge the workers after the commit; the public ids of the events."""
    first = {destination.event_key: destination for destination in destinations}
    bodies = {key: body for key, one in first.items() if (body := one.body()) is not None}
    if not bodies:
        return []
    now = timezone.now()
    first = {key: one for key, one in first.items() if key in bodies}
    destinations = [one for one in destinations if one.event_key in bodies]
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE,
            {
                "now": now,
                "due": now - CLOCKS_DIFFER,
                **_event_columns(first, bodies),
                **_delivery_columns(destinations),
            },
        )
        stored = [_Stored(*row) for row in cursor.fetchall()]
    for event in stored:
        if event.is_blank and event.deliveries:
            # A private text that was delivered is needed once more.
            body = bodies[event.tenant_id, event.key]
            Event.objects.filter(pk=event.pk).update(body=body)
    nudge_after_commit(sum(event.pending for event in stored))
    return [event.public_id for event in stored]


def _event_columns(
    first: dict[tuple[int, str], Destination], bodies: dict[tuple[int, str], str]
) -> dict[str, list[object]]:
    return {
        "ids": [new_id() for _ in first],
        "tenants": [tenant_id for tenant_id, _ in first],
        "names": [one.notice.name for one in first.values()],
        "keys": [key for _, key in first],
        "bodies": [bodies[key] for key in first],
        "private": [_is_private(one.notice, one.notice.tenant) for one in first.values()],
    }


def _delivery_columns(destinations: Sequence[Destination]) -> dict[str, list[object]]:
    return {
        "d_ids": [new_id() for _ in destinations],
        "d_tenants": [one.event_key[0] for one in destinations],
        "d_keys": [one.event_key[1] for one in destinations],
        "d_endpoints": [one.listener.endpoint_id for one in destinations],
        "d_urls": [one.own_url or one.listener.url for one in destinations],
        "d_own": [one.own_url != "" for one in destinations],
        "d_statuses": [str(one.status) for one in destinations],
    }


def _is_private(notice: Notice, tenant: Tenant) -> bool:
    return notice.name == RECEIVED and not tenant.keep_inbound
