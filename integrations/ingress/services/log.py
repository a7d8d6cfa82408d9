"""The log of an ingress: the last payloads, and what was made of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.errors import GatewayError
from integrations.ingress.bodies import Posted
from integrations.ingress.extraction import Extraction
from integrations.ingress.models import Ingress, IngressPayload
from integrations.ingress.queries import payloads_of

KEPT = 50
# Whoever knows the URL, but not the secret, must not be able to push out everything else.
KEPT_UNPROVEN = 10
UNPROVEN = (401, 413)
MAX_BODY_BYTES = 16_000
_MAX_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was answered: an HTTP status, and either the `msg_…` or the error."""

    status: int
    message_id: str = ""
    error_code: str = ""
    error: str = ""


@transaction.atomic
def record_payload(
    *, ingress: Ingress, posted: Posted, extraction: Extraction | None, outcome: Outcome
) -> None:
    """Append one entry, and drop those that are too many.

    Of entries at the same moment neither sees the other, so there may be a few more until the next.
    """
    IngressPayload.objects.create(
        ingress=ingress,
        content_type=_storable(posted.content_type)[:100],
        body=_storable(posted.body[:MAX_BODY_BYTES].decode("utf-8", "replace")),
        is_cut=len(posted.body) > MAX_BODY_BYTES,
        extracted=_extracted(extraction) if extraction else {},
        status=outcome.status,
        error_code=outcome.error_code,
        error=_storable(outcome.error)[:200],
        message=outcome.message_id,
    )
    _trim(payloads_of(ingress).filter(status__in=UNPROVEN), KEPT_UNPROVEN)
    _trim(payloads_of(ingress), KEPT)


def record_refusal(
    *, ingress: Ingress, posted: Posted, extraction: Extraction | None, error: GatewayError
) -> None:
    """Append an entry about what `error` refused."""
    reasons = " ".join(issue.message for issue in error.issues) or error.message
    outcome = Outcome(error.status, error_code=error.code, error=reasons)
    record_payload(ingress=ingress, posted=posted, extraction=extraction, outcome=outcome)


def _trim(payloads: QuerySet[IngressPayload], kept: int) -> None:
    """Delete all of `payloads` but the newest `kept`."""
    newest_to_go = payloads.order_by("-pk").values_list("pk", flat=True)[kept : kept + 1].first()
    if newest_to_go is not None:
        payloads.filter(pk__lte=newest_to_go).delete()


def _extracted(extraction: Extraction) -> dict[str, Any]:
    return {
        "to": extraction.to[:_MAX_TEXT],
        "text": extraction.text[:_MAX_TEXT],
        "ref": extraction.ref[:_MAX_TEXT],
        "found": extraction.found,
    }


def _storable(text: str) -> str:
    """`text` without NUL, which PostgreSQL cannot hold, and lone surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
