"""From an admitted payload to an SMS: extract, send once, and write down what happened."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.errors import GatewayError, Unavailable
from accounts.services.idempotency import Answer, answer_once, fingerprint_of
from devices.numbers import parse_number
from integrations.ingress.bodies import Posted, read_payload
from integrations.ingress.errors import MissingFields
from integrations.ingress.extraction import Extraction, FieldPaths, extract
from integrations.ingress.models import Ingress, IngressRef
from integrations.ingress.services.log import Outcome, record_payload, record_refusal
from messaging.drafts import MAX_REF, MessageDraft
from messaging.models import Message
from messaging.services.outbound import queue_message, storing_messages

REFS_ARE_KEPT = timedelta(days=7)
_USE_IS_NOTED_EVERY = timedelta(minutes=1)


class IngressAnswer(msgspec.Struct):
    """What is answered to a payload that became a message."""

    id: str
    status: str
    to: str
    text: str


def receive_payload(*, ingress: Ingress, posted: Posted, path: str) -> Answer:
    """Send the SMS that an admitted payload asks for; `path` is the URL's, for idempotency.

    Raises MissingFields, InvalidInput, UnsupportedMediaType, Unavailable, or what `queue_message`
    and `answer_once` raise. Both outcomes are in the ingress's log.
    """
    extraction = None
    try:
        extraction = extract(read_payload(posted.content_type, posted.body), FieldPaths.of(ingress))
        if extraction.missing:
            raise MissingFields(extraction.missing, extraction.tried)
        answer = _answer(ingress, posted, extraction, path)
    except Unavailable:
        raise  # nobody could write it down
    except GatewayError as error:
        record_refusal(ingress=ingress, posted=posted, extraction=extraction, error=error)
        raise
    if answer.is_replayed:  # a first answer is recorded in the transaction that stored the message
        _record_answer(ingress, posted, extraction, answer)
    return answer


def _answer(ingress: Ingress, posted: Posted, extraction: Extraction, path: str) -> Answer:
    if posted.idempotency_key is None:
        return _send_or_say_why_not(ingress, posted, extraction)
    return answer_once(
        tenant=ingress.tenant,
        key=posted.idempotency_key,
        fingerprint=fingerprint_of(method="POST", path=path, body=posted.body),
        work=lambda: _send_once(ingress, posted, extraction),
    )


def _send_or_say_why_not(ingress: Ingress, posted: Posted, extraction: Extraction) -> Answer:
    """As `_send_once`, with what a lock or a lost connection means to whoever asks to send."""
    with storing_messages(busy="Another payload of this ingress is being handled. Try again."):
        return _send_once(ingress, posted, extraction)


@transaction.atomic
def _send_once(ingress: Ingress, posted: Posted, extraction: Extraction) -> Answer:
    """Queue the message, unless the ingress wants each ref once and this one was there."""
    kept = _claim(ingress, extraction.ref) if ingress.once_per_ref and extraction.ref else None
    if kept is not None and kept.answer:
        return _as_answer(kept.answer, is_replayed=True)
    draft = draft_of(extraction)
    queued = queue_message(tenant=ingress.tenant, draft=draft, origin=Message.Origin.INGRESS)
    to = parse_number(extraction.to, ingress.tenant.default_country)
    accepted = IngressAnswer(
        Message(public_id=queued.public_id).external_id, queued.status, to, extraction.text
    )
    told: dict[str, Any] = msgspec.to_builtins(accepted)
    if kept is not None:
        IngressRef.objects.filter(pk=kept.pk).update(answer=told)
    answer = _as_answer(told)
    _record_answer(ingress, posted, extraction, answer)
    _note_use(ingress)
    return answer


def draft_of(extraction: Extraction) -> MessageDraft:
    """The message that was asked for; a ref that is too long is cut rather than the SMS lost."""
    return MessageDraft(
        recipient=extraction.to, text=extraction.text, ref=extraction.ref[:MAX_REF].strip()
    )


def _claim(ingress: Ingress, ref: str) -> IngressRef:
    """The row of `ref`: fresh, without an answer, or that of the first time.

    Whoever comes while the first is under way waits at the unique constraint, until it commits (and
    then has its answer) or fails (and then the row is ours).
    """
    key = ref if len(ref) <= MAX_REF else hashlib.sha256(ref.encode()).hexdigest()
    expired = timezone.now() - REFS_ARE_KEPT
    IngressRef.objects.filter(ingress=ingress, ref=key, created_at__lt=expired).delete()
    kept, _ = IngressRef.objects.get_or_create(ingress=ingress, ref=key, defaults={"answer": {}})
    return kept


def _as_answer(told: dict[str, Any], *, is_replayed: bool = False) -> Answer:
    # In the contract's order of fields, which JSON in PostgreSQL does not keep.
    body = msgspec.json.encode(msgspec.convert(told, IngressAnswer))
    return Answer(202, body, is_replayed)


def _record_answer(
    ingress: Ingress, posted: Posted, extraction: Extraction, answer: Answer
) -> None:
    message_id = msgspec.json.decode(answer.body, type=IngressAnswer).id
    outcome = Outcome(answer.status, message_id=message_id)
    record_payload(ingress=ingress, posted=posted, extraction=extraction, outcome=outcome)


def _note_use(ingress: Ingress) -> None:
    """At most one write a minute."""
    now = timezone.now()
    due_before = now - _USE_IS_NOTED_EVERY
    if ingress.last_used_at is None or ingress.last_used_at <= due_before:
        Ingress.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lte=due_before), pk=ingress.pk
        ).update(last_used_at=now)
