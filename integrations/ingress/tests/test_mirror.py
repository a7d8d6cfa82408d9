"""Every inbound text goes to each `outbound_url` of its tenant."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.ingress.handlers import message_events
from integrations.ingress.models import Ingress
from integrations.ingress.tests.factories import IngressFactory
from messaging.events import MessageReceived, MessageSent
from messaging.services.inbound import InboundText, receive_message
from messaging.tests.factories import MessageFactory
from webhooks.models import Delivery

URL = "https://example.com/sms-in"


@pytest.fixture
def receive(device):
    """A function that lets the phone report a text."""
    return lambda key="1", text="Yes please": receive_message(
        device=device, inbound=InboundText(key=key, sender="+6581230000", text=text)
    )


def delivered() -> list[tuple[str, str]]:
    """(URL, text) of every delivery."""
    rows = Delivery.objects.select_related("event").order_by("pk")
    return [(row.url, json.loads(row.event.body)["text"]) for row in rows]


def test_inbound_text_is_mirrored(receive, ingress):
    Ingress.objects.update(outbound_url=URL)
    receive()
    assert delivered() == [(URL, "Yes please")]


def test_each_url_hears_it_once(receive, ingress):
    Ingress.objects.update(outbound_url=URL)
    IngressFactory(tenant=ingress.tenant, outbound_url=URL)
    IngressFactory(tenant=ingress.tenant, outbound_url="https://example.org/")
    IngressFactory(tenant=ingress.tenant, outbound_url="https://example.net/", is_enabled=False)
    IngressFactory(outbound_url="https://others.example/")
    receive()
    assert delivered() == [("https://example.com/sms-in", "Yes please"),
                           ("https://example.org/", "Yes please")]  # fmt: skip


def test_without_a_url_one_query_finds_that_out(ingress):
    message = MessageFactory(inbound=True, device__tenant=ingress.tenant)
    events = [
        MessageReceived(message.tenant_id, message.pk, timezone.now(), text=str(number))
        for number in range(5)
    ]
    with CaptureQueriesContext(connection) as queries:
        message_events(events)
    assert (len(queries), delivered()) == (1, [])


def test_other_events_cost_nothing(ingress):
    Ingress.objects.update(outbound_url=URL)
    message = MessageFactory(device__tenant=ingress.tenant)
    with CaptureQueriesContext(connection) as queries:
        message_events([MessageSent.of(message, timezone.now())])
    assert (len(queries), delivered()) == (0, [])
