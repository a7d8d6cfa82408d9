"""Messages as rows, in any state."""

from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.states import Status


class MessageFactory(DjangoModelFactory):
    class Meta:
        model = Message

    device = factory.SubFactory(DeviceFactory)
    tenant = factory.SelfAttribute("device.tenant")
    direction = Message.Direction.OUTBOUND
    status = Status.QUEUED
    origin = Message.Origin.API
    recipient = factory.Sequence(lambda n: f"+65812{n:05}")
    text = "Hello"
    encoding = "gsm7"
    segments = 1
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))
