"""What people decide about a device."""

from concurrent.futures import ThreadPoolExecutor
from datetime import time

import pytest
from django.db import connection

from accounts.tests.factories import UserFactory
from devices.models import Device, DeviceToken
from devices.queries import device_for, devices_for
from devices.services import devices as services
from devices.services.devices import SimLimits
from devices.tests.factories import DeviceFactory, token_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return UserFactory(email="alice@example.com")


def audited(device: Device) -> list[tuple[str, str, str]]:
    entries = device.tenant.audit_entries.order_by("pk")
    return [(entry.action, entry.actor_name, entry.target) for entry in entries]


def test_rename(alice):
    device = DeviceFactory()
    services.rename_device(device=device, name="Front desk", actor=alice)
    assert Device.objects.get().name == "Front desk"
    assert audited(device) == [("device.renamed", "alice@example.com", device.external_id)]


def test_pause_and_resume_are_noted_once(alice):
    device = DeviceFactory()
    assert [services.pause_device(device=device, actor=alice) for _ in range(2)] == [True, False]
    assert (device.status, list(Device.objects.usable())) == ("paused", [])
    assert [services.resume_device(device=device, actor=alice) for _ in range(2)] == [True, False]
    assert (device.status, list(Device.objects.usable())) == ("active", [device])
    assert [action for action, _, _ in audited(device)] == ["device.paused", "device.resumed"]


def test_revoke_ends_a_device_for_good(alice, heard):
    device = DeviceFactory(is_default=True)
    token_of(device)
    assert [services.revoke_device(device=device, actor=alice) for _ in range(2)] == [True, False]
    assert (device.status, device.is_default, device.is_online) == ("revoked", False, False)
    assert DeviceToken.objects.get().revoked_at == device.revoked_at
    assert services.resume_device(device=device, actor=alice) is False
    assert services.pause_device(device=device, actor=alice) is False
    assert (audited(device)[0][0], len(audited(device))) == ("device.revoked", 1)
    assert heard == [("device.changed", device.pk), ("device.offline", device.pk)]


def test_revoking_a_phone_that_is_offline_does_not_tell_so_again(heard):
    device = DeviceFactory(is_online=False)
    services.revoke_device(device=device, actor=None)
    assert heard == [("device.changed", device.pk)]


def test_revoked_devices_are_history():
    device, revoked = DeviceFactory(), DeviceFactory(status=Device.Status.REVOKED)
    assert list(devices_for(device.tenant)) == [device]
    assert list(devices_for(revoked.tenant)) == []


def test_device_is_found_by_its_public_id():
    device = DeviceFactory()
    assert device_for(device.tenant, device.external_id) == device


def test_one_device_of_a_tenant_is_the_default():
    first = DeviceFactory(is_default=True)
    second, others = DeviceFactory(tenant=first.tenant), DeviceFactory(is_default=True)
    services.make_default(device=second, actor=None)
    assert list(Device.objects.filter(is_default=True)) == [second, others]


@pytest.mark.django_db(transaction=True)
def test_devices_that_are_made_default_together_take_turns():
    first = DeviceFactory(is_default=True)
    devices = [DeviceFactory(tenant=first.tenant) for _ in range(6)]

    def make_default(device: Device) -> None:
        try:
            services.make_default(device=device, actor=None)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(make_default, devices, timeout=20))
    assert Device.objects.filter(is_default=True).count() == 1


def test_limits_of_a_sim_are_replaced(alice):
    device = DeviceFactory()
    sim = device.sims.get()
    limits = SimLimits(
        segments_per_minute=30, min_gap_ms=500, quiet_from=time(22), quiet_until=time(7)
    )
    services.limit_sim(sim=sim, limits=limits, actor=alice)
    sim.refresh_from_db()
    assert (sim.segments_per_minute, sim.min_gap_ms, sim.quiet_from) == (30, 500, time(22))
    services.limit_sim(sim=sim, limits=SimLimits(segments_per_day=100), actor=alice)
    sim.refresh_from_db()
    assert (sim.segments_per_minute, sim.segments_per_day, sim.quiet_from) == (None, 100, None)
    assert [action for action, _, _ in audited(device)] == ["device.limited"] * 2
