"""Sweeps over phones."""

from celery import shared_task

from accounts.locks import advisory_lock
from devices.services import alert_mails, alerts, presence
from devices.services.pairing import prune_spent_codes
from devices.watch import watching_since


@shared_task
def mark_silent_offline() -> int:
    """Phones that missed three heartbeats; returns how many went offline."""
    with advisory_lock("devices.mark_silent_offline") as is_mine:
        if not is_mine:
            return 0
        return presence.mark_silent_devices_offline(watching_since=watching_since())


@shared_task
def sweep_alerts() -> int:
    """Alerts that begin or end by what is known of phones; returns how many did."""
    with advisory_lock("devices.sweep_alerts") as is_mine:
        return alerts.sweep_alerts() if is_mine else 0


@shared_task
def mail_alerts() -> int:
    """E-mails about phones in trouble, from one worker at a time; how many alerts were told."""
    with advisory_lock("devices.mail_alerts") as is_mine:
        return alert_mails.mail_due() if is_mine else 0


@shared_task
def prune() -> int:
    """Old heartbeats, alerts and spent pairing codes; returns how many were deleted."""
    with advisory_lock("devices.prune") as is_mine:
        if not is_mine:
            return 0
        return presence.prune_heartbeats() + alerts.prune_alerts() + prune_spent_codes()
