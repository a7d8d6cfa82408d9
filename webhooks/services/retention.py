"""Forgetting what is old, a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from webhooks.models import Delivery, DeliveryAttempt, Endpoint, Event
from webhooks.services.deliveries import forget_private_body

KEEP, KEEP_HELD = timedelta(days=30), timedelta(days=14)
AT_ONCE = 1000
_OPEN = Q(status__in=[Delivery.Status.PENDING, Delivery.Status.HELD])


def prune(*, most: int = 50 * AT_ONCE) -> int:
    """Delete what is too old, up to `most` rows of each kind; how many rows and bodies went.

    Attempts and events go after 30 days, these with their deliveries; what was held after 14;
    deleted endpoints with the last of their deliveries. What is still to be sent stays.
    """
    forgotten = sum(forget_private_body(pk) for pk in _private_events()[:AT_ONCE])
    kinds = (_old_attempts, _long_held, _old_events, _deleted_endpoints)
    return forgotten + sum(_delete(find, most) for find in kinds)


def _delete(find: Callable[[], QuerySet[Any]], most: int) -> int:
    deleted = 0
    while deleted < most:
        chunk = list(find().values_list("pk", flat=True)[:AT_ONCE])
        # The condition again: a replay may have begun since then.
        find().filter(pk__in=chunk).delete()
        deleted += len(chunk)
        if len(chunk) < AT_ONCE:
            break
    return deleted


def _old_attempts() -> QuerySet[DeliveryAttempt]:
    old = DeliveryAttempt.objects.filter(started_at__lt=timezone.now() - KEEP)
    return old.order_by("started_at")


def _long_held() -> QuerySet[Delivery]:
    held = Delivery.objects.filter(status=Delivery.Status.HELD)
    return held.filter(created_at__lt=timezone.now() - KEEP_HELD).order_by("created_at")


def _old_events() -> QuerySet[Event]:
    """Those of which every delivery ended, the last one (it may be a replay) long ago."""
    oldest = timezone.now() - KEEP
    needed = Delivery.objects.filter(_OPEN | Q(finished_at__gte=oldest), event=OuterRef("pk"))
    old = Event.objects.filter(~Exists(needed), created_at__lt=oldest)
    return old.order_by("created_at")


def _deleted_endpoints() -> QuerySet[Endpoint]:
    theirs = Delivery.objects.filter(endpoint=OuterRef("pk"))
    return Endpoint.objects.filter(~Exists(theirs), deleted_at__isnull=False).order_by("pk")


def _private_events() -> QuerySet[Event, int]:
    """Bodies that a worker would have emptied, had it not died; and those of what was pruned."""
    waiting = Delivery.objects.filter(_OPEN, event=OuterRef("pk"))
    private = Event.objects.filter(~Exists(waiting), is_private=True).exclude(body="")
    return private.order_by("pk").values_list("pk", flat=True)
