"""Whether a phone is there."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import TenantInactive
from accounts.services.tenants import suspend_tenant
from devices.errors import InvalidDeviceToken
from devices.models import Device, DeviceToken, Heartbeat
from devices.services.devices import pause_device, revoke_device
from devices.services.presence import (
    Introduction,
    Vitals,
    authenticate_device,
    mark_silent_devices_offline,
    prune_heartbeats,
    record_contact,
    record_heartbeat,
    record_introduction,
    refused_tokens,
)
from devices.services.sims import SimReport
from devices.tests.factories import DeviceFactory, token_of
from devices.tests.listener import Refused

pytestmark = pytest.mark.django_db


def silent_phone(seconds: float) -> Device:
    """One that is online for all we know, and was last heard of so long ago."""
    return DeviceFactory(last_seen_at=timezone.now() - timedelta(seconds=seconds))


def statuses() -> list[bool]:
    return list(Device.objects.order_by("pk").values_list("is_online", flat=True))


def test_token_leads_to_its_device_and_tenant(django_assert_num_queries):
    device = DeviceFactory()
    secret = token_of(device)
    with django_assert_num_queries(1):
        token = authenticate_device(secret=secret)
        assert (token.device, token.device.tenant) == (device, device.tenant)


def test_token_comes_with_all_that_its_rows_hold():
    device = DeviceFactory(battery=50, last_seen_at=timezone.now())
    token = authenticate_device(secret=token_of(device))
    for found in (token, token.device, token.device.tenant):
        stored = type(found).objects.get(pk=found.pk)
        fields = found._meta.concrete_fields
        names = [field.attname for field in fields]
        assert [getattr(found, name) for name in names] == [getattr(stored, name) for name in names]
        assert [field for field in fields if hasattr(field, "from_db_value")] == []


@pytest.mark.parametrize("change", [str.upper, lambda secret: secret[:-1], lambda _: ""])
def test_other_token_is_refused(change):
    secret = token_of(DeviceFactory())
    with pytest.raises(InvalidDeviceToken):
        authenticate_device(secret=change(secret))


def test_token_of_a_revoked_device_is_refused():
    device = DeviceFactory()
    secret = token_of(device)
    revoke_device(device=device, actor=None)
    with pytest.raises(InvalidDeviceToken):
        authenticate_device(secret=secret)


def test_token_of_a_suspended_tenant_is_told_apart():
    device = DeviceFactory()
    secret = token_of(device)
    suspend_tenant(tenant=device.tenant, actor=None, reason="unpaid")
    with pytest.raises(TenantInactive):
        authenticate_device(secret=secret)


def test_heartbeat_is_stored_with_what_the_phone_said():
    device = DeviceFactory()
    vitals = Vitals(battery=80, is_charging=True, network="wifi", signal=4, queue_on_phone=7)
    record_heartbeat(device=device, vitals=vitals)
    kept = ("battery", "is_charging", "network", "signal", "queue_on_phone")
    said = dict(zip(kept, (80, True, "wifi", 4, 7), strict=True))
    assert Device.objects.values(*kept).get() == Heartbeat.objects.values(*kept).get() == said


def test_heartbeat_that_says_nothing_keeps_what_is_known():
    device = DeviceFactory(battery=80, is_charging=True, network="wifi", signal=4)
    record_heartbeat(device=device, vitals=Vitals())
    kept = ("battery", "is_charging", "network", "signal")
    assert Device.objects.values_list(*kept).get() == (80, True, "wifi", 4)


def test_phone_is_online_from_its_first_heartbeat_and_that_is_told_once(heard):
    device = DeviceFactory(is_online=False, last_seen_at=None)
    for _ in range(3):
        record_heartbeat(device=device, vitals=Vitals())
    device.refresh_from_db()
    assert (device.is_online, device.is_heard) == (True, True)
    assert heard == [("device.online", device.pk)]


def test_phone_is_online_from_its_hello(heard):
    device = DeviceFactory(is_online=False, last_seen_at=None)
    record_introduction(device=device, introduction=Introduction("agent 1.0", "Pixel", ()))
    device.refresh_from_db()
    assert (device.is_heard, device.app, device.model) == (True, "agent 1.0", "Pixel")
    assert heard == [("device.online", device.pk)]


def test_hello_without_a_model_keeps_the_known_one():
    device = DeviceFactory(model="Pixel")
    record_introduction(device=device, introduction=Introduction("agent 2.0", "", ()))
    device.refresh_from_db()
    assert (device.app, device.model) == ("agent 2.0", "Pixel")


def test_sims_are_those_that_the_phone_lists_and_keep_their_limits():
    device = DeviceFactory()
    device.sims.update(segments_per_day=100)
    for sims in ((SimReport(2, "91230000"),), (SimReport(1, carrier="Example"),)):
        record_introduction(device=device, introduction=Introduction("", "", sims))
    assert list(
        device.sims.values_list("slot", "number", "carrier", "is_present", "segments_per_day")
    ) == [(1, "+6598765432", "Example", True, 100), (2, "+6591230000", "", False, None)]


def test_phone_is_offline_after_three_missed_heartbeats_and_that_is_told_once(settings, heard):
    settings.DEVICE_HEARTBEAT_SECONDS = 25
    heard_of, silent = silent_phone(74), silent_phone(76)
    assert (heard_of.is_heard, silent.is_heard) == (True, False)
    assert [mark_silent_devices_offline() for _ in range(2)] == [1, 0]
    assert statuses() == [True, False]
    assert heard == [("device.offline", silent.pk), ("device.alert", silent.pk)]


def test_phone_that_comes_back_is_told_of_again(heard):
    device = silent_phone(1000)
    mark_silent_devices_offline()
    record_heartbeat(device=device, vitals=Vitals())
    assert [name for name, _ in heard] == [
        *("device.offline", "device.alert", "device.online", "device.alert_ended")
    ]


def test_heartbeat_of_a_revoked_phone_does_not_bring_it_back(heard):
    device = DeviceFactory()
    revoke_device(device=device, actor=None)
    heard.clear()
    record_heartbeat(device=device, vitals=Vitals())
    assert (statuses(), heard) == ([False], [])


def test_paused_phone_is_online_like_any_other(heard):
    device = DeviceFactory(is_online=False)
    pause_device(device=device, actor=None)
    heard.clear()
    record_heartbeat(device=device, vitals=Vitals())
    assert heard == [("device.online", device.pk)]


@pytest.mark.usefixtures("refusing_listener")
def test_what_a_listener_breaks_has_not_happened():
    offline, silent = DeviceFactory(is_online=False), silent_phone(1000)
    with pytest.raises(Refused):
        record_heartbeat(device=offline, vitals=Vitals(battery=1))
    with pytest.raises(Refused):
        mark_silent_devices_offline()
    assert (statuses(), Heartbeat.objects.count()) == ([False, True], 0)
    silent.refresh_from_db()
    assert silent.is_online is True


def test_sockets_that_may_not_stay_are_named_with_the_reason():
    tokens = {}
    for name in ("fine", "revoked", "suspended", "renewed", "deleted"):
        secret = token_of(DeviceFactory())
        tokens[name] = authenticate_device(secret=secret)
    revoke_device(device=tokens["revoked"].device, actor=None)
    suspend_tenant(tenant=tokens["suspended"].device.tenant, actor=None, reason="unpaid")
    DeviceToken.objects.filter(pk=tokens["renewed"].pk).update(revoked_at=timezone.now())
    DeviceToken.objects.filter(pk=tokens["deleted"].pk).delete()
    assert refused_tokens(token_ids=[token.pk for token in tokens.values()]) == {
        tokens["revoked"].pk: "invalid_token",
        tokens["suspended"].pk: "tenant_inactive",
        tokens["renewed"].pk: "invalid_token",
        tokens["deleted"].pk: "invalid_token",
    }


def test_heartbeats_are_kept_for_a_week():
    device = DeviceFactory()
    for days in (6.9, 7.1):
        at = timezone.now() - timedelta(days=days)
        Heartbeat.objects.create(tenant=device.tenant, device=device, received_at=at)
    assert (prune_heartbeats(), Heartbeat.objects.count()) == (1, 1)


@pytest.mark.parametrize(("contact_seconds", "patience"), [(None, 75), (10, 30), (900, 2700)])
def test_phone_is_silent_after_three_of_its_own_contacts(contact_seconds, patience):
    now = timezone.now()
    for age in (patience - 5, patience + 5):
        device = DeviceFactory(
            contact_seconds=contact_seconds, last_seen_at=now - timedelta(seconds=age)
        )
        is_heard = age < patience
        assert device.is_heard is is_heard
        assert Device.objects.heard(now).filter(pk=device.pk).exists() is is_heard
        assert Device.objects.silent(now).filter(pk=device.pk).exists() is not is_heard


def test_phone_that_was_never_heard_is_neither_heard_nor_silent():
    DeviceFactory(last_seen_at=None)
    now = timezone.now()
    assert [Device.objects.heard(now).count(), Device.objects.silent(now).count()] == [0, 0]


def test_contact_of_a_phone_that_polls_says_when_the_next_is_due_and_a_hello_ends_that():
    device = DeviceFactory(is_online=False, last_seen_at=None)
    record_contact(device=device, contact_seconds=900)
    device.refresh_from_db()
    assert (device.is_heard, device.is_online, device.is_polling) == (True, True, True)
    record_introduction(device=device, introduction=Introduction("app 1", "", ()))
    device.refresh_from_db()
    assert (device.contact_seconds, device.is_polling) == (None, False)
