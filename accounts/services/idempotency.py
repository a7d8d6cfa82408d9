"""Idempotency keys: the same request twice does its work once and gets the same answer.

The record is the first statement of the transaction that does the work. A concurrent second request
waits on its unique index: if the first commits, the second replays the stored answer; if the first
rolls back, the second does the work. Only answers of done work are kept: an error rolls everything
back, so repeating after an error is always safe.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from accounts.errors import Conflict, InvalidInput
from accounts.models import IdempotencyRecord, Tenant

MAX_KEY_LENGTH = 255
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's error when lock_timeout is hit


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it is stored: status, body bytes, and whether it is a repetition."""

    status: int
    body: bytes
    is_replayed: bool = False


def fingerprint_of(*, method: str, path: str, body: bytes) -> str:
    """SHA-256 over what makes two requests the same."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


def answer_once(
    *, tenant: Tenant, key: str, fingerprint: str, work: Callable[[], Answer]
) -> Answer:
    """Do `work` in a transaction and keep its answer under `key`, or replay the answer kept.

    Raises InvalidInput for a malformed key, and Conflict when the key was used with another request
    or the first request with it is still running.
    """
    _check_key(key)
    try:
        with transaction.atomic():
            record_id = _claim(tenant, key, fingerprint)
            if record_id is None:
                return _replay(tenant, key, fingerprint)
            answer = work()
            IdempotencyRecord.objects.filter(pk=record_id).update(
                status=answer.status, body=answer.body
            )
            return answer
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise Conflict(
                "The first request with this Idempotency-Key is still running. Try again.",
                headers={"Retry-After": "1"},
            ) from error
        raise


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise InvalidInput.at(
            "Idempotency-Key",
            "invalid_idempotency_key",
            f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable ASCII characters.",
        )


def _claim(tenant: Tenant, key: str, fingerprint: str) -> int | None:
    """The id of the fresh record, or None when the key is taken.

    An expired record counts as none: the conflict branch renews it in place. One that it does not
    renew it has locked all the same, so until this transaction ends it cannot be pruned.
    """
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO accounts_idempotencyrecord AS kept
                   (tenant_id, key, fingerprint, status, body, created_at)
            VALUES (%s, %s, %s, 0, '', %s)
            ON CONFLICT (tenant_id, key) DO UPDATE
               SET fingerprint = excluded.fingerprint, created_at = excluded.created_at
             WHERE kept.created_at < %s
            RETURNING id
            """,
            [tenant.pk, key, fingerprint, now, now - timedelta(hours=settings.IDEMPOTENCY_HOURS)],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _replay(tenant: Tenant, key: str, fingerprint: str) -> Answer:
    record = IdempotencyRecord.objects.get(tenant=tenant, key=key)
    if record.fingerprint != fingerprint:
        raise Conflict("This Idempotency-Key was used with another request body.")
    return Answer(record.status, bytes(record.body), is_replayed=True)
