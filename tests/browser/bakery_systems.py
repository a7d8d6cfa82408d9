"""The bakery's other systems: one that hears of texts, and one that has them sent."""

import json
from datetime import timedelta

from django.utils import timezone

from accounts.models import Tenant
from integrations.ingress.tests.factories import IngressFactory, IngressPayloadFactory
from webhooks.models import Endpoint
from webhooks.tests.factories import DeliveryAttemptFactory, DeliveryFactory, EventFactory

WEBHOOK_URL = "https://orders.corner-bakery.example/texts"


def add_webhooks(tenant: Tenant) -> dict[str, str]:
    """The endpoint that the first phone brought gets a URL and ten hours of deliveries."""
    now = timezone.now()
    endpoint = Endpoint.objects.filter(tenant=tenant).earliest("pk")
    endpoint.url, endpoint.name = WEBHOOK_URL, "Order system"
    endpoint.last_success_at = now - timedelta(minutes=12)
    endpoint.save()
    for minutes in range(600, 0, -37):
        at = now - timedelta(minutes=minutes)
        body = {"event": "message.received", "from": "+6581230142", "text": "Thank you"}
        event = EventFactory(tenant=tenant, body=json.dumps(body), created_at=at)
        answers = [503, 200] if minutes % 5 == 0 else [200]
        delivery = DeliveryFactory(
            endpoint=endpoint,
            event=event,
            succeeded=True,
            attempts=len(answers),
            created_at=at,
            finished_at=at,
        )
        for status in answers:
            DeliveryAttemptFactory(delivery=delivery, started_at=at, status=status)
    return {"endpoint": endpoint.external_id, "delivery": delivery.external_id}


def add_ingress(tenant: Tenant) -> dict[str, str]:
    """A shop system whose last payload was understood."""
    ingress = IngressFactory(tenant=tenant, name="Shop system", preset="generic")
    text = "Your order 4712 is ready."
    IngressPayloadFactory(
        ingress=ingress,
        body=json.dumps({"to": "+6581230107", "text": text, "order": {"id": 4712}}),
        extracted={
            "to": "+6581230107",
            "text": text,
            "ref": "",
            "found": {"to": ["to"], "text": ["text"], "ref": []},
        },
    )
    return {"ingress": ingress.external_id}
