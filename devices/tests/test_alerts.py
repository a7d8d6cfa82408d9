"""Troubles of phones: raised once, ended once, told once."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.services.tenants import suspend_tenant
from devices.models import Device, DeviceAlert, Sim
from devices.services.alerts import (
    end_alerts,
    prune_alerts,
    raise_alerts,
    sweep_alerts,
)
from devices.services.devices import pause_device, resume_device, revoke_device
from devices.services.presence import (
    Introduction,
    Vitals,
    mark_silent_devices_offline,
    record_heartbeat,
    record_introduction,
)
from devices.tests.factories import DeviceFactory
from messaging.tests.threads import at_once

pytestmark = pytest.mark.django_db

Kind = DeviceAlert.Kind


@pytest.fixture
def device():
    return DeviceFactory()


def bring_up(device, kind=Kind.BATTERY_LOW, detail="So it is.") -> int:
    return raise_alerts(kind=kind, details={device.pk: detail})


def open_kinds(device) -> list[str]:
    return list(device.alerts.open().order_by("pk").values_list("kind", flat=True))


def let_go(device) -> None:
    """Let it be silent for an hour, and notice."""
    Device.objects.filter(pk=device.pk).update(last_seen_at=timezone.now() - timedelta(hours=1))
    mark_silent_devices_offline()


def test_alert_is_open_once_and_told_once(device, heard):
    assert [bring_up(device), bring_up(device)] == [1, 0]
    assert open_kinds(device) == ["battery_low"]
    assert [end_alerts(device_ids=[device.pk]) for _ in range(2)] == [1, 0]
    assert open_kinds(device) == []
    assert heard == [("device.alert", device.pk), ("device.alert_ended", device.pk)]


def test_kinds_are_apart_and_so_are_devices(device):
    other = DeviceFactory()
    raise_alerts(kind=Kind.OFFLINE, details={device.pk: "", other.pk: ""})
    bring_up(device)
    end_alerts(device_ids=[device.pk], kinds=[Kind.OFFLINE])
    assert (open_kinds(device), open_kinds(other)) == (["battery_low"], ["offline"])


@pytest.mark.django_db(transaction=True)
def test_alert_that_two_find_at_once_is_raised_by_one(device):
    raised = at_once(*[lambda: bring_up(device)] * 4)
    ended = at_once(*[lambda: end_alerts(device_ids=[device.pk])] * 4)
    assert (sorted(raised), sorted(ended)) == ([0, 0, 0, 1], [0, 0, 0, 1])
    assert device.alerts.count() == 1


@pytest.mark.parametrize(
    "put_aside",
    [
        lambda device: pause_device(device=device, actor=None),
        lambda device: revoke_device(device=device, actor=None),
        lambda device: suspend_tenant(tenant=device.tenant, actor=None, reason="unpaid"),
    ],
)
def test_phone_that_was_put_aside_raises_nothing(device, put_aside):
    put_aside(device)
    let_go(device)
    bring_up(device)
    assert device.alerts.count() == 0


@pytest.mark.parametrize("put_aside", [pause_device, revoke_device])
def test_alerts_end_when_people_put_the_phone_aside(device, put_aside):
    bring_up(device)
    put_aside(device=device, actor=None)
    assert open_kinds(device) == []


def test_alert_belongs_to_the_fact_and_is_undone_with_it(device):
    class Undone(Exception):
        pass

    with pytest.raises(Undone), transaction.atomic():
        bring_up(device)
        raise Undone
    assert device.alerts.count() == 0


class TestOffline:
    def test_silent_phone_raises_it_and_a_sign_of_life_ends_it(self, device):
        let_go(device)
        assert open_kinds(device) == ["offline"]
        record_heartbeat(device=device, vitals=Vitals())
        assert open_kinds(device) == []

    def test_phone_that_was_never_connected_raises_nothing(self):
        device = DeviceFactory(last_seen_at=None, is_online=False)
        mark_silent_devices_offline()
        assert open_kinds(device) == []

    def test_phone_that_polls_has_the_patience_that_it_asked_for(self):
        ages = [(900, 2690), (900, 2710)]
        now = timezone.now()
        phones = [
            DeviceFactory(contact_seconds=every, last_seen_at=now - timedelta(seconds=age))
            for every, age in ages
        ]
        mark_silent_devices_offline()
        assert [open_kinds(phone) for phone in phones] == [[], ["offline"]]

    def test_it_tells_of_a_battery_that_was_nearly_empty(self, device):
        record_heartbeat(device=device, vitals=Vitals(battery=4, is_charging=False))
        let_go(device)
        assert device.alerts.get(kind="offline").detail == (
            "Nothing was heard of it any more; its battery was at 4 %."
        )

    def test_phone_that_went_silent_while_it_was_paused_raises_it_when_it_is_resumed(self, device):
        pause_device(device=device, actor=None)
        let_go(device)
        assert open_kinds(device) == []
        resume_device(device=device, actor=None)
        assert open_kinds(device) == ["offline"]

    def test_resumed_phone_that_is_there_raises_nothing(self, device):
        pause_device(device=device, actor=None)
        resume_device(device=device, actor=None)
        assert open_kinds(device) == []


class TestBattery:
    @pytest.mark.parametrize(
        ("percent", "charging", "kinds"),
        [
            (15, False, ["battery_low"]),
            (15, None, ["battery_low"]),
            (15, True, []),
            (16, False, []),
            (None, False, []),
        ],
    )
    def test_it_is_low_from_15_percent_while_it_does_not_charge(
        self, device, percent, charging, kinds
    ):
        record_heartbeat(device=device, vitals=Vitals(battery=percent, is_charging=charging))
        assert [sweep_alerts(), sweep_alerts()] == [len(kinds), 0]
        assert open_kinds(device) == kinds

    @pytest.mark.parametrize(
        ("percent", "charging", "kinds"),
        [(24, False, ["battery_low"]), (25, False, []), (5, True, [])],
    )
    def test_it_is_well_again_from_25_percent_or_at_the_charger(
        self, device, percent, charging, kinds
    ):
        bring_up(device)
        record_heartbeat(device=device, vitals=Vitals(battery=percent, is_charging=charging))
        sweep_alerts()
        assert open_kinds(device) == kinds

    def test_phone_that_is_away_raises_it_no_more(self):
        away = DeviceFactory(
            battery=3, is_charging=False, last_seen_at=timezone.now() - timedelta(hours=1)
        )
        sweep_alerts()
        assert open_kinds(away) == []


def test_phone_that_cannot_send_is_able_again_after_a_hello(device):
    Device.objects.update(unable_count=3)
    bring_up(device, Kind.CANNOT_SEND)
    sweep_alerts()
    assert open_kinds(device) == ["cannot_send"]
    record_introduction(device=device, introduction=Introduction("", "", ()))
    sweep_alerts()
    assert open_kinds(device) == []


@pytest.mark.parametrize(("minutes", "kinds"), [(59, ["pacing_degraded"]), (61, [])])
def test_phone_that_was_refused_is_well_after_an_hour_without(device, minutes, kinds):
    bring_up(device, Kind.PACING_DEGRADED)
    Sim.objects.update(last_limit_at=timezone.now() - timedelta(minutes=minutes))
    sweep_alerts()
    assert open_kinds(device) == kinds


def test_sweep_of_thirty_phones_takes_as_many_queries_as_of_one(
    device, django_assert_max_num_queries
):
    DeviceFactory.create_batch(29)
    Device.objects.update(battery=5)
    with django_assert_max_num_queries(12):
        assert sweep_alerts() == 30


def test_past_alerts_are_kept_for_90_days(device):
    for days in (89, 91):
        bring_up(device)
        end_alerts(device_ids=[device.pk])
        at = timezone.now() - timedelta(days=days)
        DeviceAlert.objects.filter(ended_at__gt=timezone.now() - timedelta(days=1)).update(
            ended_at=at
        )
    bring_up(device)
    assert (prune_alerts(), device.alerts.count()) == (1, 2)
