"""Sweeps over phones."""

from celery import shared_task

from accounts.locks import advisory_lock
from devices.services import presence


@shared_task
def mark_silent_offline() -> int:
    """Phones that missed three heartbeats; returns how many went offline."""
    with advisory_lock("devices.mark_silent_offline") as is_mine:
        return presence.mark_silent_devices_offline() if is_mine else 0


@shared_task
def prune() -> int:
    """Heartbeats older than a week; returns how many were deleted."""
    with advisory_lock("devices.prune") as is_mine:
        return presence.prune_heartbeats() if is_mine else 0
