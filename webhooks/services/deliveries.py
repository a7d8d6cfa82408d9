"""Delivering: one HTTP exchange outside of any transaction, and then what became of it.

At least once: a worker that dies after the receiver answered has not written that down, so the
claim runs out and the delivery is made again, with the same webhook-id.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import structlog
from django.db import connection, transaction
from django.utils import timezone

from accounts.ids import encode_id
from accounts.secrets import decrypt
from webhooks.http import Answer, ExchangeFailed, post
from webhooks.models import Delivery, Endpoint, Event
from webhooks.nudges import nudge
from webhooks.payloads import TEST, AddressedFormat, format_named
from webhooks.schedule import delay_after, parse_retry_after
from webhooks.services import health
from webhooks.services.claims import IN_FLIGHT, Claim, busy, claim_next
from webhooks.signing import signature_headers

log = structlog.get_logger(__name__)

USER_AGENT = "sms-gateway-webhooks/1"
GONE, TOO_MANY_REQUESTS = 410, 429
_NO_BODY = "Its text was delivered and not kept, so it cannot be sent again."
_OURS = "internal: The gateway could not send this; its log says why."
# A stale worker's attempt is logged, too; what it found out is not taken.
_FINISH = """
WITH mine AS (
    UPDATE webhooks_delivery
       SET status = %(status)s, attempts = attempts + 1, next_attempt_at = %(next)s,
           finished_at = %(finished)s, claimed_until = NULL, crashes = 0,
           last_status = %(http)s, last_error = %(error)s
     WHERE id = %(delivery)s AND claim = %(claim)s AND status = 'pending'
    RETURNING id
)
INSERT INTO webhooks_deliveryattempt
       (delivery_id, endpoint_id, started_at, duration_ms, address, request_headers, status,
        response_headers, response_body, error)
SELECT id, endpoint_id, %(started)s, %(duration)s, %(address)s, %(request)s::jsonb, %(http)s,
       %(response)s::jsonb, %(body)s, %(error)s
  FROM webhooks_delivery WHERE id = %(delivery)s
RETURNING EXISTS (SELECT FROM mine)
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. `status` is None when no answer came; `error` then begins with its kind."""

    started_at: datetime
    request_headers: dict[str, str]
    status: int | None = None
    response_headers: dict[str, str] | None = None
    response_body: str = ""
    address: str = ""
    duration_ms: int = 0
    error: str = ""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_throttled(self) -> bool:
        return self.status == TOO_MANY_REQUESTS or self.error.startswith(health.TIMEOUT)

    @property
    def retry_after(self) -> timedelta | None:
        value = (self.response_headers or {}).get("retry-after", "")
        return parse_retry_after(value, now=timezone.now())


# Set when the process is about to end: what is in hand is finished, and nothing more is taken.
is_ending = threading.Event()


def deliver_due(*, seconds: float) -> int:
    """Deliver one after the other until nothing is due or the time is over; how many it were.

    Then somebody else is asked to go on.
    """
    ends_at = time.monotonic() + seconds
    delivered = 0
    while time.monotonic() < ends_at and not is_ending.is_set():
        claim = claim_next()
        if claim is None:
            return delivered
        deliver(claim)
        delivered += 1
    nudge(1)
    return delivered


def deliver(claim: Claim) -> None:
    """Make one attempt and write down what came of it."""
    with busy():
        attempt = _try(claim)
    finish(claim, attempt)


def finish(claim: Claim, attempt: Attempt) -> bool:
    """Write an attempt into the log and, if the claim still holds, what it means; whether it did.

    Success and failure for good end the delivery, anything else sets the time of the next try.
    """
    with transaction.atomic():
        is_mine = _write(claim, attempt)
        if is_mine and attempt.is_success:
            if health.note_success(claim.endpoint):
                transaction.on_commit(partial(nudge, IN_FLIGHT), robust=True)
        elif is_mine:
            health.note_failure(claim.endpoint, is_gone=attempt.status == GONE)
    if is_mine and claim.is_private:
        forget_private_body(claim.event_id)
    return is_mine


@transaction.atomic
def forget_private_body(event_id: int) -> bool:
    """Empty the body of a private event that nobody waits for any more; whether it was so.

    The lock comes first, in a statement of its own: whoever adds a delivery holds it, too.
    """
    event = Event.objects.select_for_update(no_key=True).filter(pk=event_id).first()
    waiting = (Delivery.Status.PENDING, Delivery.Status.HELD)
    if event is None or Delivery.objects.filter(event=event, status__in=waiting).exists():
        return False
    return bool(Event.objects.filter(pk=event_id, is_private=True).update(body=""))


def _try(claim: Claim) -> Attempt:
    """The exchange. Whatever goes wrong is an attempt that failed, or it would come at once."""
    started_at = timezone.now()
    attempt = partial(Attempt, started_at)
    if not claim.body:
        return attempt({}, error=f"internal: {_NO_BODY}")
    try:
        headers = _headers(claim, started_at)
    except ValueError:
        log.exception("signing failed", endpoint=claim.endpoint.external_id)
        return attempt({}, error=_OURS)
    shown = {name: _shown(name, value) for name, value in headers.items()}
    try:
        answer = post(claim.url, body=claim.body.encode(), headers=headers)
    except ExchangeFailed as failure:
        return attempt(
            shown,
            address=failure.address,
            duration_ms=failure.duration_ms,
            error=f"{failure.kind}: {failure.message}",
        )
    except Exception:  # a bug of ours must not send the same again and again
        log.exception("delivery failed", delivery=claim.delivery_id)
        return attempt(shown, error=_OURS)
    return _answered(attempt(shown), answer, is_private=claim.is_private)


def _answered(attempt: Attempt, answer: Answer, *, is_private: bool) -> Attempt:
    """`attempt` with what came back; a receiver may repeat what it got, so not of private texts."""
    return Attempt(
        attempt.started_at,
        attempt.request_headers,
        status=answer.status,
        response_headers=answer.headers,
        response_body="" if is_private else answer.body,
        address=answer.address,
        duration_ms=answer.duration_ms,
    )


def _headers(claim: Claim, now: datetime) -> dict[str, str]:
    """Raises ValueError when a secret cannot be decrypted."""
    secrets, timestamp = _secrets(claim.endpoint, now), int(now.timestamp())
    body = claim.body.encode()
    webhook_id = encode_id(Event.ID_PREFIX, claim.event_public_id)
    signatures = signature_headers(
        secrets=secrets, webhook_id=webhook_id, timestamp=timestamp, body=body
    )
    known = format_named(claim.endpoint.format)
    if isinstance(known, AddressedFormat):
        signatures |= known.sign(
            tenant_id=claim.endpoint.tenant_id, secrets=secrets, timestamp=timestamp, body=body
        )
    return {"Content-Type": "application/json", "User-Agent": USER_AGENT, **signatures}


def _secrets(endpoint: Endpoint, now: datetime) -> list[str]:
    """Those that sign, newest first: a host's are those of the tenant's first endpoint."""
    signer: Endpoint | None = endpoint
    if endpoint.kind == Endpoint.Kind.HOST:
        own = Endpoint.objects.filter(
            tenant_id=endpoint.tenant_id, kind=Endpoint.Kind.ENDPOINT, deleted_at=None
        )
        signer = own.order_by("id").first()
    if signer is None:
        return []
    until = signer.previous_secret_until
    previous = signer.previous_secret if until is not None and until > now else ""
    return [decrypt(stored) for stored in (signer.secret, previous) if stored]


def _shown(name: str, value: str) -> str:
    """A header for the log. The native signature has no time in it: whoever reads it can use it."""
    return "(signature)" if "signature" in name.lower() else value


def _write(claim: Claim, attempt: Attempt) -> bool:
    now = timezone.now()
    delay = _delay(claim, attempt)
    status = Delivery.Status.PENDING
    if attempt.is_success:
        status = Delivery.Status.SUCCEEDED
    elif delay is None:
        status = Delivery.Status.FAILED
    with connection.cursor() as cursor:
        cursor.execute(
            _FINISH,
            {
                "delivery": claim.delivery_id,
                "claim": claim.number,
                "status": str(status),
                "next": now + delay if delay is not None else None,
                "finished": now if delay is None else None,
                **_columns(attempt),
            },
        )
        (is_mine,) = cursor.fetchone() or (False,)
    return bool(is_mine)


def _delay(claim: Claim, attempt: Attempt) -> timedelta | None:
    """Until the next try; None when there is none."""
    is_final = attempt.status == GONE or claim.event_name == TEST or not claim.body
    if attempt.is_success or is_final:
        return None
    return delay_after(
        claim.attempts + 1,
        jitter=random.uniform(-1, 1),  # noqa: S311 - no secret
        is_throttled=attempt.is_throttled,
        retry_after=attempt.retry_after,
    )


def _columns(attempt: Attempt) -> dict[str, Any]:
    return {
        "started": attempt.started_at,
        "duration": attempt.duration_ms,
        "address": attempt.address,
        "request": _json(attempt.request_headers),
        "http": attempt.status,
        "response": _json(attempt.response_headers or {}),
        "body": _storable(attempt.response_body),
        "error": _storable(attempt.error)[:200],
    }


def _json(headers: dict[str, str]) -> str:
    clean = {_storable(name): _storable(value) for name, value in headers.items()}
    return msgspec.json.encode(clean).decode()


def _storable(text: str) -> str:
    """`text` as PostgreSQL takes it: without NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
