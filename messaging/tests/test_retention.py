"""Messages that are older than their tenant wants them."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.ids import first_id_of, new_id
from devices.tests.factories import DeviceFactory
from messaging import tasks
from messaging.models import Conversation, Message, MessageEvent
from messaging.services import retention
from messaging.services.history import note
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def device():
    return DeviceFactory(tenant__retention_days=7)


def message(device, *, days, **columns):
    """One that was made so long ago."""
    at = timezone.now() - timedelta(days=days)
    public_id = UUID(int=first_id_of(at).int | (new_id().int & ((1 << 80) - 1)))
    columns = {"status": "delivered"} | columns
    return MessageFactory(device=device, created_at=at, public_id=public_id, **columns)


def test_messages_go_with_their_history_when_they_are_too_old(device):
    old, young = message(device, days=7.1), message(device, days=6.9)
    note([old, young], "queued")
    assert tasks.prune_messages() == 1
    assert list(Message.objects.all()) == [young]
    assert list(MessageEvent.objects.values_list("message", flat=True)) == [young.pk]


@pytest.mark.parametrize("status", ["scheduled", "queued", "leased", "accepted"])
def test_what_is_still_to_be_sent_stays(device, status):
    message(device, days=30, status=status)
    assert tasks.prune_messages() == 0


def test_tenants_that_keep_messages_for_ever_are_left_alone(device):
    message(DeviceFactory(), days=3000)
    message(device, days=8)
    assert tasks.prune_messages() == 1
    assert Message.objects.count() == 1


def test_more_than_a_chunk_goes_too(monkeypatch, device):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    other = DeviceFactory(tenant__retention_days=1)
    for phone in (device, device, device, other, other):
        message(phone, days=8)
    assert tasks.prune_messages() == 5


def test_beginning_of_an_old_conversation_is_forgotten(device):
    for days, number in ((8, "+6581230001"), (6, "+6581230002")):
        Conversation.objects.create(
            tenant=device.tenant,
            number=number,
            last_text="Hello",
            last_message_at=timezone.now() - timedelta(days=days),
        )
    tasks.prune_messages()
    texts = Conversation.objects.order_by("number").values_list("last_text", flat=True)
    assert list(texts) == ["", "Hello"]
