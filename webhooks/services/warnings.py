"""Telling the owners of a failing endpoint: after an hour, after a day, and at its end."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db.models import Q
from django.utils import timezone

from webhooks import mails
from webhooks.models import Endpoint
from webhooks.services.health import FAILING, GONE

log = structlog.get_logger(__name__)

FIRST, SECOND = timedelta(hours=1), timedelta(hours=24)
# `Endpoint.warnings_sent` once each was sent; a later one makes up for those before.
_AFTER_FIRST, _AFTER_SECOND, _AFTER_LAST = 1, 2, 3


def warn_owners() -> int:
    """Send what is due, each once: whoever counts it up sends it; how many were sent.

    A mail that cannot be sent is counted down again, and tried the next time. A process that dies
    in between loses it: an owner is rather told once too little than again and again.
    """
    now = timezone.now()
    due = Q(failing_since__lte=now - FIRST, warnings_sent__lt=_AFTER_FIRST)
    due |= Q(failing_since__lte=now - SECOND, warnings_sent__lt=_AFTER_SECOND)
    due &= Q(state=Endpoint.State.ENABLED)
    due |= Q(
        state=Endpoint.State.DISABLED,
        disabled_reason__in=[GONE, FAILING],
        warnings_sent__lt=_AFTER_LAST,
    )
    failing = Endpoint.objects.filter(due, kind=Endpoint.Kind.ENDPOINT, deleted_at=None)
    return sum(_warn(endpoint) for endpoint in failing.select_related("tenant"))


def _warn(endpoint: Endpoint) -> bool:
    before, after = endpoint.warnings_sent, _count_after(endpoint)
    me = Endpoint.objects.filter(pk=endpoint.pk)
    if not me.filter(warnings_sent=before).update(warnings_sent=after):
        return False
    try:
        mails.warn(endpoint)
    except OSError as error:  # smtplib's errors are OSErrors, too
        log.warning("mail not sent", endpoint=endpoint.external_id, error=repr(error))
        me.filter(warnings_sent=after).update(warnings_sent=before)
        return False
    return True


def _count_after(endpoint: Endpoint) -> int:
    if endpoint.state == Endpoint.State.DISABLED:
        return _AFTER_LAST
    since = endpoint.failing_since
    is_second = since is not None and since <= timezone.now() - SECOND
    return _AFTER_SECOND if is_second else _AFTER_FIRST
