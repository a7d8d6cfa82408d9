"""Sweeps over phones."""

from celery import shared_task

from accounts.locks import advisory_lock
from devices.services import presence
from devices.services.pairing import prune_spent_codes


@shared_task
def mark_silent_offline() -> int:
    """Phones that missed three heartbeats; returns how many went offline."""
    with advisory_lock("devices.mark_silent_offline") as is_mine:
        return presence.mark_silent_devices_offline() if is_mine else 0


@shared_task
def prune() -> int:
    """Old heartbeats and spent pairing codes; returns how many were deleted."""
    with advisory_lock("devices.prune") as is_mine:
        return presence.prune_heartbeats() + prune_spent_codes() if is_mine else 0
