"""A page of messages: filters and a keyset cursor, both answered by one index each."""

from __future__ import annotations

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import connection, transaction

from accounts.api.lists import cursor_after, last_seen
from accounts.ids import decode_id, first_id_of
from accounts.models import Tenant
from devices.models import Device
from devices.numbers import InvalidNumber, parse_number
from messaging.api.inputs import ListQuery
from messaging.api.outputs import PUBLIC_STATUS
from messaging.models import Message, MessageQuerySet
from messaging.queries import messages_for

RARE_HITS = 1000
_COLUMNS = (
    "public_id",
    "recipient",
    "sender",
    "text",
    "ref",
    "status",
    "direction",
    "created_at",
)


def page_of_messages(
    tenant: Tenant, query: ListQuery, columns: tuple[str, ...] = _COLUMNS
) -> tuple[list[Message], str | None]:
    """(messages newest first, cursor of the next page or None); raises InvalidInput.

    Only `columns` are read, among which must be `public_id`.
    """
    messages = _filter(messages_for(tenant).only(*columns), tenant, query)
    if query.cursor is not None:
        messages = messages.filter(public_id__lt=last_seen(tenant, query))
    found = _newest(messages, query, query.limit + 1)
    page = found[: query.limit]
    has_more = len(found) > query.limit
    return page, cursor_after(tenant, query, page[-1].public_id) if has_more else None


def count_of_messages(tenant: Tenant, query: ListQuery, *, most: int) -> int:
    """How many messages go through the filters of `query`, counted up to `most`."""
    messages = _filter(messages_for(tenant), tenant, query)
    if query.q is not None:
        messages = _with_words(messages, query.q)
    if query.status is not None:
        states = [inner for inner, public in PUBLIC_STATUS.items() if public == query.status]
        messages = messages.filter(status__in=states)
    return messages.order_by()[:most].count()


def _newest(messages: MessageQuerySet, query: ListQuery, count: int) -> list[Message]:
    """The `count` newest. Each state behind a public status has its own run of an index."""
    if query.q is not None:
        messages = _with_words(messages, query.q)
    if query.status is None:
        return list(messages[:count])
    states = [inner for inner, public in PUBLIC_STATUS.items() if public == query.status]
    found = [message for state in states for message in messages.filter(status=state)[:count]]
    return sorted(found, key=lambda message: message.public_id, reverse=True)[:count]


def _with_words(messages: MessageQuerySet, words: str) -> MessageQuerySet:
    """Those that have all the words, in an order and by an index that suits how many they are.

    PostgreSQL takes any rare word for one in two hundred, and would look for it from the newest
    message backwards. So up to a thousand hits are asked for first, without an order: if that is
    all, they are the list; if there are more, walking backwards finds a page soon.
    """
    having = messages.annotate(words=SearchVector("text", config="simple")).filter(
        words=SearchQuery(words, config="simple")
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        hits = list(having.order_by().values_list("public_id", flat=True)[: RARE_HITS + 1])
    return having if len(hits) > RARE_HITS else messages.filter(public_id__in=hits)


def _filter(messages: MessageQuerySet, tenant: Tenant, query: ListQuery) -> MessageQuerySet:
    exact = {
        "direction": query.direction,
        "recipient": _number(query.to, tenant),
        "sender": _number(query.from_, tenant),
        "ref": query.ref,
    }
    messages = messages.filter(
        **{name: value for name, value in exact.items() if value is not None}
    )
    if query.device_id is not None:
        messages = messages.filter(device_id=_device(tenant, query.device_id))
    if query.since is not None:
        messages = messages.filter(public_id__gte=first_id_of(query.since))
    if query.until is not None:
        messages = messages.filter(public_id__lt=first_id_of(query.until))
    return messages


def _number(text: str | None, tenant: Tenant) -> str | None:
    """As stored, if it can be read as a number; a sender may be letters."""
    if text is None:
        return None
    try:
        return parse_number(text, tenant.default_country)
    except InvalidNumber:
        return text[:32]


def _device(tenant: Tenant, external_id: str) -> int:
    """The device's key; one that nobody has when it is not the tenant's, so the list is empty."""
    public_id = decode_id(Device.ID_PREFIX, external_id)
    if public_id is None:
        return 0
    known = Device.objects.of(tenant).filter(public_id=public_id).values_list("pk", flat=True)
    return known.first() or 0
