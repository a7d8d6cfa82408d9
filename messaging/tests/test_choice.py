"""Which phone a new message goes to, with real phones; the pure rules are in test_routing.py."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import GatewayError
from devices.models import Sim
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.queries import sticky_devices
from messaging.services.outbound import queue_batch
from messaging.tests.factories import MessageFactory, change, draft

pytestmark = pytest.mark.django_db

NUMBER = "+6581230000"


@pytest.fixture
def device():
    return DeviceFactory()


@pytest.fixture
def second(device):
    return DeviceFactory(tenant=device.tenant)


def _chosen(device, number=NUMBER, **fields):
    """Where a message goes: (its device or None, pinned), or the code of its refusal."""
    asked = draft(number, **fields)
    (result,) = queue_batch(tenant=device.tenant, drafts=[asked], origin=Message.Origin.API)
    if isinstance(result, GatewayError):
        return result.code
    message = Message.objects.get(public_id=result.public_id)
    return message.device, message.is_pinned


def test_named_device_is_pinned(device, second):
    change(device, is_default=True)
    assert _chosen(device, device_id=second.public_id) == (second, True)


def test_named_device_that_is_offline_is_waited_for_only_if_asked(device, second):
    change(second, last_seen_at=timezone.now() - timedelta(hours=1))
    assert _chosen(device, device_id=second.public_id) == "no_active_device_for_tenant"
    assert _chosen(device, device_id=second.public_id, hold=True) == (second, True)


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("send_in", [None, timedelta(hours=1)])
def test_device_of_another_tenant_or_that_was_revoked_does_not_exist(device, hold, send_in):
    revoked = DeviceFactory(tenant=device.tenant, status="revoked")
    send_at = send_in and timezone.now() + send_in
    for other in (DeviceFactory(), revoked):
        wanted = {"device_id": other.public_id, "hold": hold, "send_at": send_at}
        assert _chosen(device, **wanted) == "validation_error"


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("send_in", [None, timedelta(hours=1)])
def test_test_message_for_a_named_real_phone_is_refused(device, hold, send_in):
    real = DeviceFactory(tenant=device.tenant, kind="android")
    send_at = send_in and timezone.now() + send_in
    wanted = {"device_id": real.public_id, "is_test": True, "hold": hold, "send_at": send_at}
    assert _chosen(device, **wanted) == "validation_error"


def test_test_message_goes_to_simulated_phones_only(device):
    change(device, kind="android", is_default=True)
    assert _chosen(device, is_test=True) == "no_active_device_for_tenant"
    simulated = DeviceFactory(tenant=device.tenant)
    assert _chosen(device, is_test=True) == (simulated, False)
    assert _chosen(device, "+6581230009") == (device, False)


@pytest.mark.parametrize("is_inbound", [False, True])
def test_number_stays_with_the_phone_of_its_last_message(device, second, is_inbound):
    change(device, is_default=True)
    parties = {"inbound": True, "sender": NUMBER} if is_inbound else {"recipient": NUMBER}
    MessageFactory(device=device, tenant=device.tenant, recipient=NUMBER)
    MessageFactory(device=second, tenant=device.tenant, **parties)
    assert _chosen(device) == (second, False)


def test_number_leaves_the_phone_of_its_last_message_when_that_is_silent(device, second):
    MessageFactory(device=second, tenant=device.tenant, recipient=NUMBER)
    change(second, last_seen_at=timezone.now() - timedelta(seconds=76))
    assert _chosen(device) == (device, False)


def test_conversations_of_another_tenant_say_nothing(device, second):
    stranger = DeviceFactory()
    MessageFactory(device=stranger, tenant=stranger.tenant, recipient=NUMBER)
    MessageFactory(device=second, tenant=device.tenant, recipient="+6581230009")
    asked = [NUMBER, "+6581230009", "+6581230008"]
    assert sticky_devices(device.tenant, asked) == {"+6581230009": second.pk}


def test_default_device_is_preferred_while_it_has_budget(device, second):
    change(second, is_default=True)
    assert _chosen(device, "+6581230009") == (second, False)
    Sim.objects.filter(device=second).update(segments_per_day=1)
    MessageFactory(device=second, tenant=device.tenant, leased=True)
    assert _chosen(device) == (device, False)


def test_phone_without_a_sim_is_the_last_choice(device):
    change(device, queue_on_phone=100)
    DeviceFactory(tenant=device.tenant, sim=None)
    assert _chosen(device) == (device, False)


def test_paused_phone_is_not_chosen(device, second):
    change(device, status="paused", is_default=True)
    assert _chosen(device) == (second, False)
