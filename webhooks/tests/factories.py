"""Endpoints, events and deliveries as rows, in any state."""

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from accounts.secrets import encrypt
from accounts.tests.factories import TenantFactory
from webhooks.models import Delivery, DeliveryAttempt, Endpoint, Event

# `whsec_` and 32 bytes in base 64.
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OLD_SECRET = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="


class EndpointFactory(DjangoModelFactory):
    """Enabled, and answered well just now, so that it may have ten requests in flight."""

    class Meta:
        model = Endpoint

    class Params:
        cold = factory.Trait(last_success_at=None)

    tenant = factory.SubFactory(TenantFactory)
    url = factory.Sequence(lambda n: f"https://receiver{n}.example.com/hook")
    events = factory.List(["message.received"])
    secret = factory.LazyFunction(lambda: encrypt(SECRET))
    secret_prefix = SECRET[:12]
    last_success_at = factory.LazyFunction(timezone.now)


class HostFactory(EndpointFactory):
    """What stands for a host that a message, a rule or an ingress named."""

    kind = Endpoint.Kind.HOST
    url = "https://elsewhere.example.com:443"
    events = factory.List([])
    secret = ""
    secret_prefix = ""


class EventFactory(DjangoModelFactory):
    class Meta:
        model = Event

    tenant = factory.SubFactory(TenantFactory)
    name = "message.received"
    key = factory.Sequence(lambda n: f"msg_{n:022}:received")
    body = factory.Sequence(lambda n: f'{{"event":"message.received","text":"Text {n}"}}')


class DeliveryFactory(DjangoModelFactory):
    """Due now."""

    class Meta:
        model = Delivery

    class Params:
        succeeded = factory.Trait(
            status=Delivery.Status.SUCCEEDED,
            attempts=1,
            next_attempt_at=None,
            finished_at=factory.LazyFunction(timezone.now),
            last_status=200,
        )
        failed = factory.Trait(
            status=Delivery.Status.FAILED,
            attempts=10,
            next_attempt_at=None,
            finished_at=factory.LazyFunction(timezone.now),
            last_status=500,
        )
        held = factory.Trait(status=Delivery.Status.HELD, next_attempt_at=None)

    endpoint = factory.SubFactory(EndpointFactory)
    tenant = factory.SelfAttribute("endpoint.tenant")
    event = factory.SubFactory(EventFactory, tenant=factory.SelfAttribute("..tenant"))
    url = factory.SelfAttribute("endpoint.url")
    has_own_url = factory.LazyAttribute(lambda delivery: delivery.endpoint.kind == "host")


class DeliveryAttemptFactory(DjangoModelFactory):
    class Meta:
        model = DeliveryAttempt

    delivery = factory.SubFactory(DeliveryFactory)
    endpoint = factory.SelfAttribute("delivery.endpoint")
    started_at = factory.LazyFunction(timezone.now)
    duration_ms = 12
    address = "192.0.2.1"
    status = 200
