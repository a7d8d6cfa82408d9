"""E-mails about phones in trouble: who gets them, once, and what becomes of them in a crash."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Membership
from accounts.services.tenants import suspend_tenant
from accounts.tests.factories import MembershipFactory
from devices import tasks
from devices.models import DeviceAlert
from devices.services import alert_mails
from devices.services.alert_mails import mail_due
from devices.services.alerts import end_alerts, raise_alerts
from devices.tests.factories import DeviceFactory
from rules.tests.mail_server import mail_server

pytestmark = pytest.mark.django_db

Kind, Role = DeviceAlert.Kind, Membership.Role


@pytest.fixture
def device():
    device = DeviceFactory(name="Front desk", tenant__name="Acme")
    MembershipFactory(tenant=device.tenant, user__email="alice@example.com")
    return device


def happens(device, kind=Kind.OFFLINE) -> None:
    assert raise_alerts(kind=kind, details={device.pk: "So it is."}) == 1


def ends(device) -> None:
    end_alerts(device_ids=[device.pk])


def test_owners_and_admins_get_it_once(device, mailoutbox):
    for role in Role:
        MembershipFactory(tenant=device.tenant, role=role, user__email=f"{role}@example.com")
    MembershipFactory(tenant=device.tenant, user__email="closed@example.com", user__is_active=False)
    MembershipFactory(user__email="charlie@example.com")
    happens(device)
    assert [mail_due(), mail_due()] == [1, 0]
    assert sorted(mail.to[0] for mail in mailoutbox) == [
        *("admin@example.com", "alice@example.com", "owner@example.com")
    ]


def test_it_says_what_happened_what_to_do_and_where(device, mailoutbox, settings, time_machine):
    settings.PUBLIC_URL = "https://sms.example.com"
    device.tenant.time_zone = "Asia/Singapore"
    device.tenant.save()
    time_machine.move_to("2026-06-12T18:40:00Z", tick=False)
    happens(device)
    mail_due()
    (mail,) = mailoutbox
    paragraphs = mail.body.strip().split("\n\n")
    assert mail.subject == "Front desk is offline"
    assert paragraphs == [
        "Front desk is offline, since 2026-06-13 02:40 (Asia/Singapore). So it is.",
        f"https://sms.example.com/devices/{device.external_id}",
        "Check whether it is switched on, charged and in reach of a network, and start the app or "
        "agent on it again. Texts that it was not offered yet go to another phone, unless they are "
        "meant for this one.",
        "You get this as an owner or admin of Acme. These e-mails can be switched off in the "
        "settings:",
        "https://sms.example.com/settings",
    ]
    assert [kind for _, kind in mail.alternatives] == ["text/html"]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_can_be_told(device, mailoutbox, kind):
    happens(device, kind)
    assert (mail_due(), len(mailoutbox)) == (1, 1)


def test_phones_that_fail_together_are_one_mail(device, mailoutbox):
    others = DeviceFactory.create_batch(29, tenant=device.tenant)
    for phone in (device, *others):
        happens(phone)
    assert (mail_due(), len(mailoutbox)) == (30, 1)
    assert mailoutbox[0].subject == "30 alerts about your phones: Front desk is offline, …"
    assert mailoutbox[0].body.count("Check whether it is switched on") == 1


def test_name_of_several_lines_does_not_break_the_subject(device, mailoutbox):
    device.name = "Front\ndesk"
    device.save()
    happens(device)
    mail_due()
    assert mailoutbox[0].subject == "Front desk is offline"


def test_what_is_over_before_it_was_told_is_not_told(device, mailoutbox):
    happens(device)
    ends(device)
    assert (mail_due(), len(mailoutbox)) == (0, 0)


def test_tenant_that_wants_none_gets_none(device, mailoutbox):
    device.tenant.mail_alerts = False
    device.tenant.save()
    happens(device)
    assert (mail_due(), len(mailoutbox)) == (0, 0)
    assert DeviceAlert.objects.get().mail_due_at is None


def test_suspended_tenant_gets_none(device, mailoutbox):
    happens(device)
    suspend_tenant(tenant=device.tenant, actor=None, reason="unpaid")
    assert (mail_due(), len(mailoutbox)) == (0, 0)


def test_phone_that_comes_and_goes_is_told_every_30_minutes_with_how_often(
    device, mailoutbox, time_machine
):
    start = timezone.now()
    for minute in range(0, 35, 5):
        time_machine.move_to(start + timedelta(minutes=minute), tick=False)
        happens(device)
        mail_due()
        if minute < 30:
            ends(device)
    first, second = (mail.body.partition("\n\n")[0] for mail in mailoutbox)
    assert first.count("time since the last e-mail") == 0
    assert second.count("It happened 6 times since the last e-mail") == 1


def test_incident_within_30_minutes_of_a_mail_is_told_then_if_it_is_not_over(
    device, mailoutbox, time_machine
):
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    happens(device)
    mail_due()
    ends(device)
    happens(device)
    counts = []
    for minutes in (0, 29, 30, 60):
        time_machine.move_to(start + timedelta(minutes=minutes), tick=False)
        mail_due()
        counts.append(len(mailoutbox))
    assert counts == [1, 1, 2, 2]


def test_other_kind_and_other_phone_do_not_wait(device, mailoutbox):
    happens(device)
    mail_due()
    happens(device, Kind.BATTERY_LOW)
    happens(DeviceFactory(tenant=device.tenant))
    assert (mail_due(), len(mailoutbox)) == (2, 2)


def test_mail_that_the_server_refuses_is_tried_again_after_a_minute(device, settings, time_machine):
    start = timezone.now()
    time_machine.move_to(start)
    happens(device)
    with mail_server(settings, RCPT="451 try later"):
        assert mail_due() == 0
    with mail_server(settings) as server:
        assert mail_due() == 0
        time_machine.move_to(start + timedelta(seconds=61))
        assert [mail_due(), mail_due()] == [1, 0]
        assert len(server.received) == 1


def test_mail_of_a_worker_that_died_while_it_sent_is_sent_after_a_minute(
    device, mailoutbox, time_machine, monkeypatch
):
    class Killed(BaseException):
        pass

    def die(**_):
        raise Killed

    start = timezone.now()
    time_machine.move_to(start)
    happens(device)
    with monkeypatch.context() as patched:
        patched.setattr("devices.services.alert_mails.send_email", die)
        with pytest.raises(Killed):
            mail_due()
    assert mail_due() == 0
    time_machine.move_to(start + timedelta(seconds=61))
    assert (mail_due(), len(mailoutbox)) == (1, 1)


def test_task_sends_what_is_due(device, mailoutbox):
    happens(device)
    assert (tasks.mail_alerts(), len(mailoutbox)) == (1, 1)


def test_alerts_of_one_transaction_wake_one_worker(device, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        happens(device)
        happens(device, Kind.BATTERY_LOW)
    assert callbacks.count(alert_mails._nudge) == 1
