"""Messages as rows, in any state, and who they are for."""

from datetime import timedelta

import factory
from django.db.models import Model
from django.utils import timezone
from factory.django import DjangoModelFactory

from accounts.tests.factories import TenantFactory
from devices.tests.factories import DeviceFactory
from messaging.drafts import MessageDraft
from messaging.models import Contact, Conversation, Group, Message, OptOut
from messaging.states import Status


class MessageFactory(DjangoModelFactory):
    class Meta:
        model = Message

    class Params:
        # As `lease_messages` and the first two reports leave a row.
        leased = factory.Trait(
            status=Status.LEASED,
            leases=1,
            sim=factory.LazyAttribute(lambda message: message.device.sims.first()),
            leased_at=factory.LazyFunction(timezone.now),
            lease_until=factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=1)),
        )
        accepted = factory.Trait(
            leased=True,
            status=Status.ACCEPTED,
            lease_until=None,
            accepted_at=factory.LazyFunction(timezone.now),
        )
        inbound = factory.Trait(
            direction=Message.Direction.INBOUND,
            status=Status.RECEIVED,
            origin=Message.Origin.PHONE,
            sender=factory.Sequence(lambda n: f"+65822{n:05}"),
            recipient="+6598765432",
        )

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


def in_bulk(count: int, **columns) -> list[Message]:
    """`count` rows in one insert; `columns` must name a saved device."""
    tenant = columns["device"].tenant
    return Message.objects.bulk_create(MessageFactory.build_batch(count, tenant=tenant, **columns))


def change(row: Model, **columns) -> None:
    """Write `columns` and nothing else, then read the row anew."""
    type(row).objects.filter(pk=row.pk).update(**columns)
    row.refresh_from_db()


def draft(recipient: str = "+6581230000", text: str = "Hello", **fields) -> MessageDraft:
    """What a client asks for."""
    return MessageDraft(recipient=recipient, text=text, **fields)


class ContactFactory(DjangoModelFactory):
    class Meta:
        model = Contact

    tenant = factory.SubFactory(TenantFactory)
    number = factory.Sequence(lambda n: f"+65831{n:05}")


class GroupFactory(DjangoModelFactory):
    class Meta:
        model = Group

    tenant = factory.SubFactory(TenantFactory)
    name = factory.Sequence(lambda n: f"Group {n}")


class OptOutFactory(DjangoModelFactory):
    class Meta:
        model = OptOut

    tenant = factory.SubFactory(TenantFactory)
    number = factory.Sequence(lambda n: f"+65841{n:05}")
    source = OptOut.Source.KEYWORD


class ConversationFactory(DjangoModelFactory):
    class Meta:
        model = Conversation

    tenant = factory.SubFactory(TenantFactory)
    number = factory.Sequence(lambda n: f"+65851{n:05}")
    last_message_at = factory.LazyFunction(timezone.now)
    last_direction = Message.Direction.INBOUND
    last_text = "Hi"
