"""Sending what a form asks for, exactly once however often it is posted."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from accounts.errors import GatewayError, TenantInactive
from accounts.ids import encode_id
from accounts.models import Tenant
from accounts.services.idempotency import Answer, answer_once, fingerprint_of
from messaging.drafts import MessageDraft
from messaging.errors import NoActiveDevice
from messaging.models import Message
from messaging.services.outbound import Queued, queue_batch

# The API's own words name a field of its body.
NO_PHONE = "No phone is online to send this. Connect a phone, or let texts wait (in the settings)."


class Refusal(msgspec.Struct, frozen=True):
    """Why nothing is sent to one recipient; `path` is the field that is to blame, if one is."""

    recipient: str
    path: str
    message: str


class Outcome(msgspec.Struct, frozen=True):
    """The ids of what is queued, and what was refused."""

    queued: list[str]
    refused: list[Refusal]


class NothingQueued(Exception):
    """Every recipient was refused, so the form may be posted again with the same key."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__("nothing was queued")


def send_once(*, tenant: Tenant, key: str, drafts: Sequence[MessageDraft]) -> Outcome:
    """Queue `drafts`, or say again what became of them when `key` was used before.

    Raises NothingQueued, TenantInactive, and Conflict when the key was used for other drafts or
    when they are being queued at this very moment (the latter has a `Retry-After`).
    """
    if not tenant.is_active:
        raise TenantInactive
    answer = answer_once(
        tenant=tenant,
        key=f"page-{key}",
        fingerprint=fingerprint_of(
            method="POST", path="page", body=msgspec.json.encode(list(drafts))
        ),
        work=lambda: _queue(tenant, drafts),
    )
    return msgspec.json.decode(answer.body, type=Outcome)


def _queue(tenant: Tenant, drafts: Sequence[MessageDraft]) -> Answer:
    results = queue_batch(tenant=tenant, drafts=drafts, origin=Message.Origin.DASHBOARD)
    outcome = Outcome(
        [encode_id(Message.ID_PREFIX, r.public_id) for r in results if isinstance(r, Queued)],
        [
            _refusal(draft, result)
            for draft, result in zip(drafts, results, strict=True)
            if isinstance(result, GatewayError)
        ],
    )
    if not outcome.queued:
        raise NothingQueued(outcome)
    return Answer(200, msgspec.json.encode(outcome))


def _refusal(draft: MessageDraft, error: GatewayError) -> Refusal:
    if isinstance(error, NoActiveDevice):
        return Refusal(draft.recipient, "", NO_PHONE)
    issue = error.issues[0] if error.issues else None
    if issue is None:
        return Refusal(draft.recipient, "", error.message)
    return Refusal(draft.recipient, issue.path, issue.message)
