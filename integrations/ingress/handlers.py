"""What ingresses do when a text comes in; inside the transaction in which it is stored."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.ingress.models import Ingress
from messaging.events import ContactUnsubscribed, MessageReceived, MessagingEvent
from messaging.models import Message
from webhooks.services.outbox import post_inbound


def message_events(events: Sequence[MessagingEvent | ContactUnsubscribed]) -> None:
    """Mirror inbound texts to every `outbound_url`. Named in `MESSAGE_EVENT_HANDLERS`.

    Every text, whatever the rules said of it: one query where nobody has such a URL.
    """
    received = [event for event in events if isinstance(event, MessageReceived)]
    urls = _urls_of({event.tenant_id for event in received}) if received else {}
    mirrored = [event for event in received if event.tenant_id in urls]
    if not mirrored:
        return
    messages = Message.objects.select_related("tenant", "device").in_bulk(
        [event.message_id for event in mirrored]
    )
    for event in mirrored:
        for url in urls[event.tenant_id]:
            post_inbound(
                message=messages[event.message_id],
                text=event.text,
                url=url,
                matched_rule_id=event.matched_rule_id,
            )


def _urls_of(tenant_ids: set[int]) -> dict[int, list[str]]:
    """Tenant -> the URLs of its enabled ingresses, each once."""
    having = Ingress.objects.filter(tenant_id__in=tenant_ids, is_enabled=True)
    rows = having.exclude(outbound_url="").values_list("tenant_id", "outbound_url")
    urls: dict[int, list[str]] = {}
    for tenant_id, url in rows.distinct().order_by("outbound_url"):
        urls.setdefault(tenant_id, []).append(url)
    return urls
