"""E-mails about phones in trouble: to the owners and admins of their tenant, one for each incident.

The row comes first (`DeviceAlert.mail_due_at`), the task is a nudge, and a sweep finds what was
lost. Whoever sends claims the rows for a minute: a process that dies meanwhile leaves them to the
next, so an e-mail may come twice after a crash and is never forgotten.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from accounts.mail import send_email
from accounts.models import Membership, Tenant
from devices.alert_words import AlertWords, words_of
from devices.models import DeviceAlert, DeviceAlertQuerySet

log = structlog.get_logger(__name__)

TASK = "devices.tasks.mail_alerts"
QUEUE = "webhooks"  # of the worker that has threads to wait for servers with
SWEEP_SECONDS = 20.0
TRY_AGAIN = timedelta(minutes=1)
MOST_IN_ONE = 100
ROLES = (Membership.Role.OWNER, Membership.Role.ADMIN)


@dataclass(frozen=True, slots=True)
class AlertInMail:
    """One alert as the e-mail tells it; `times` counts it and those since the last e-mail."""

    alert: DeviceAlert
    words: AlertWords
    link: str
    times: int
    since: datetime | None


def nudge_after_commit() -> None:
    """Once this transaction is committed, have a worker send what is due; one nudge for it."""
    if not any(entry[1] is _nudge for entry in connection.run_on_commit):
        transaction.on_commit(_nudge, robust=True)


def mail_due() -> int:
    """Send what is due, tenant by tenant, for some seconds; how many alerts were told."""
    deadline = time.monotonic() + SWEEP_SECONDS
    told = 0
    for tenant in Tenant.objects.filter(pk__in=_due(timezone.now()).values("tenant")):
        if time.monotonic() > deadline:
            break
        told += _mail(tenant)
    return told


def _nudge() -> None:
    current_app.send_task(TASK, queue=QUEUE, expires=60, retry=False)


def _due(now: datetime) -> DeviceAlertQuerySet:
    return DeviceAlert.objects.open().filter(mail_due_at__lte=now)


def _mail(tenant: Tenant) -> int:
    alerts = _claim(tenant)
    rows = DeviceAlert.objects.filter(pk__in=[alert.pk for alert in alerts])
    addresses = _addresses(tenant) if tenant.mail_alerts and tenant.is_active else []
    if not alerts or not addresses:
        rows.update(mail_due_at=None)  # nobody wants it
        return 0
    if not _send(tenant, alerts, addresses):
        return 0  # and again in a minute
    return rows.update(mailed_at=timezone.now(), mail_due_at=None)


@transaction.atomic
def _claim(tenant: Tenant) -> list[DeviceAlert]:
    """Take what is due, so that nobody else does for a minute."""
    now = timezone.now()
    due = _due(now).filter(tenant=tenant).select_related("device").order_by("kind", "pk")
    alerts = list(due.select_for_update(of=("self",), skip_locked=True, no_key=True)[:MOST_IN_ONE])
    taken = DeviceAlert.objects.filter(pk__in=[alert.pk for alert in alerts])
    taken.update(mail_due_at=now + TRY_AGAIN)
    return alerts


def _addresses(tenant: Tenant) -> list[str]:
    members = Membership.objects.filter(tenant=tenant, role__in=ROLES, user__is_active=True)
    return list(members.order_by("user__email").values_list("user__email", flat=True))


def _send(tenant: Tenant, alerts: list[DeviceAlert], addresses: list[str]) -> bool:
    """One e-mail to each of `addresses`; False when the mail server took none of them."""
    context = {
        "tenant": tenant,
        "alerts": [_in_mail(alert) for alert in alerts],
        "settings_url": settings.PUBLIC_URL + reverse("settings"),
    }
    taken = 0
    for address in addresses:
        try:
            with timezone.override(ZoneInfo(tenant.time_zone)):
                send_email(
                    to=address, subject=_subject(alerts), template="device_alerts", context=context
                )
            taken += 1
        except OSError as error:  # smtplib's errors are OSErrors, too
            log.warning("mail not sent", tenant=tenant.external_id, error=repr(error))
    return taken > 0


def _in_mail(alert: DeviceAlert) -> AlertInMail:
    same = DeviceAlert.objects.filter(device=alert.device_id, kind=alert.kind, pk__lte=alert.pk)
    last = same.aggregate(Max("mailed_at"))["mailed_at__max"]
    times = same.filter(raised_at__gt=last).count() if last else 1
    path = reverse("devices-detail", args=[alert.device.external_id])
    return AlertInMail(alert, words_of(alert.kind), settings.PUBLIC_URL + path, times, last)


def _subject(alerts: list[DeviceAlert]) -> str:
    """As one line, whatever is in a phone's name."""
    first = alerts[0]
    subject = f"{first.device.name} {words_of(first.kind).title}"
    if len(alerts) > 1:
        subject = f"{len(alerts)} alerts about your phones: {subject}, …"
    return " ".join(subject.split())
