"""Events that the server itself makes."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from messaging.models import Message, MessageEvent

# These may happen to one attempt several times: once for each offer, or for each phone.
_REPEATING = frozenset({"lease_ran_out", "moved"})


def note(messages: Iterable[Message], kind: str) -> None:
    """Append an event of this kind to each of `messages`; a repeated one is the same."""
    now = timezone.now()
    MessageEvent.objects.bulk_create(
        [
            MessageEvent(
                tenant_id=message.tenant_id,
                message=message,
                device_id=message.device_id,
                kind=kind,
                key=_key(message, kind),
                received_at=now,
            )
            for message in messages
        ],
        ignore_conflicts=True,
    )


def _key(message: Message, kind: str) -> str:
    key = f"{message.attempt}.{kind}"
    return f"{key}.{message.leases}.{message.device_id}" if kind in _REPEATING else key
